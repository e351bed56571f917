//! Gradients handed straight from one of our operators to the one before it.
//!
//! candle adds every gradient onto a tensor of zeros, on one thread, even where it is the only one: a third of the time
//! that a training step's main thread takes. Here an operator whose input is the result of another leaves the gradient
//! with that other one; in candle's graph a scalar stands for it, so that the order stays candle's. Whatever else uses
//! the result meets an ordinary tensor. On a card, and where nothing is tracked, it is candle's own way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor, TensorId,
    bail,
};

/// `op` of the three, the first of which is the result of the layer before.
pub(super) fn apply3<O>(x: &Tensor, second: &Tensor, third: &Tensor, op: O) -> Result<Tensor>
where
    O: CustomOp3 + Send + Sync + 'static,
{
    if !relayed(&[x, second, third]) {
        return x.apply_op3(second, third, op);
    }
    apply([x.clone(), second.clone(), third.clone()], Box::new(Three(op)))
}

/// `op` of the two, the first of which is the result of the layer before.
pub(super) fn apply2<O>(x: &Tensor, second: &Tensor, op: O) -> Result<Tensor>
where
    O: CustomOp2 + Send + Sync + 'static,
{
    if !relayed(&[x, second]) {
        return x.apply_op2(second, op);
    }
    apply([x.clone(), second.clone(), scalar()?], Box::new(Two(op)))
}

fn relayed(inputs: &[&Tensor]) -> bool {
    inputs[0].device().is_cpu() && inputs.iter().any(|input| input.track_op())
}

/// What stands for a gradient that went the short way.
fn scalar() -> Result<Tensor> {
    Tensor::zeros((), DType::F32, &candle_core::Device::Cpu)
}

/// An operator of up to three tensors.
trait Operation: Send + Sync {
    fn forward(&self, inputs: &[Tensor; 3]) -> Result<(CpuStorage, Shape)>;
    fn backward(
        &self,
        inputs: &[Tensor; 3],
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<[Option<Tensor>; 3]>;
}

/// `f` of the values of a tensor on the processor.
fn with<T>(tensor: &Tensor, f: impl FnOnce(&CpuStorage, &Layout) -> Result<T>) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(storage, layout),
        _ => bail!("tensors of one operator on several devices"),
    }
}

struct Two<O>(O);

impl<O: CustomOp2 + Send + Sync> Operation for Two<O> {
    fn forward(&self, [a, b, _]: &[Tensor; 3]) -> Result<(CpuStorage, Shape)> {
        with(a, |s1, l1| with(b, |s2, l2| self.0.cpu_fwd(s1, l1, s2, l2)))
    }

    fn backward(
        &self,
        [a, b, _]: &[Tensor; 3],
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let (a, b) = self.0.bwd(a, b, output, upstream)?;
        Ok([a, b, None])
    }
}

struct Three<O>(O);

impl<O: CustomOp3 + Send + Sync> Operation for Three<O> {
    fn forward(&self, [a, b, c]: &[Tensor; 3]) -> Result<(CpuStorage, Shape)> {
        with(a, |s1, l1| with(b, |s2, l2| with(c, |s3, l3| self.0.cpu_fwd(s1, l1, s2, l2, s3, l3))))
    }

    fn backward(
        &self,
        [a, b, c]: &[Tensor; 3],
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let (a, b, c) = self.0.bwd(a, b, c, output, upstream)?;
        Ok([a, b, c])
    }
}

/// One use of an operator.
struct Node {
    operation: Box<dyn Operation>,
    inputs: [Tensor; 3],
    /// What made the first input, where that waits for its gradient.
    before: Option<Arc<Node>>,
    /// The result, without its history.
    output: OnceLock<Tensor>,
    /// The gradient of the result, as far as it has come.
    gradient: Mutex<Option<Tensor>>,
}

impl Node {
    fn receive(&self, gradient: Tensor) -> Result<()> {
        let mut held = self.gradient.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(match held.take() {
            None => gradient,
            Some(other) => other.add(&gradient)?,
        });
        Ok(())
    }
}

/// A node and the scalar that stands for it in candle's graph.
struct Made {
    node: Arc<Node>,
    token: Tensor,
}

thread_local! {
    /// What made each tensor that is still alive.
    static MADE: RefCell<HashMap<TensorId, Weak<Made>>> = RefCell::default();
}

/// Entries from which on those of tensors that are gone are looked for.
const MANY: usize = 512;

fn remember(output: &Tensor, made: &Arc<Made>) {
    MADE.with_borrow_mut(|all| {
        if all.len() >= MANY {
            all.retain(|_, made| made.strong_count() > 0);
        }
        all.insert(output.id(), Arc::downgrade(made));
    });
}

fn apply(inputs: [Tensor; 3], operation: Box<dyn Operation>) -> Result<Tensor> {
    let before = MADE.with_borrow(|all| all.get(&inputs[0].id()).and_then(Weak::upgrade));
    let first = match &before {
        Some(made) => made.token.clone(),
        None if inputs[0].track_op() => inputs[0].clone(),
        None => scalar()?,
    };
    let [_, second, third] = inputs.clone();
    let before = before.map(|made| made.node.clone());
    let node =
        Arc::new(Node { operation, inputs, before, output: OnceLock::new(), gradient: Mutex::new(None) });
    let token = first.apply_op3(&second, &third, Token(node.clone()))?;
    let made = Arc::new(Made { node, token });
    let output = made.token.apply_op1(Show(made.clone()))?;
    // The cell is new: it is empty.
    let _ = made.node.output.set(output.detach());
    remember(&output, &made);
    Ok(output)
}

/// Stands for the result in candle's graph. All who use the result have handed in its gradient when candle comes here.
struct Token(Arc<Node>);

impl CustomOp3 for Token {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), ().into()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let node = &*self.0;
        let upstream = node.gradient.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(upstream), Some(output)) = (upstream, node.output.get()) else {
            bail!("an operator was asked for a gradient before it had that of its result")
        };
        let [first, second, third] = node.operation.backward(&node.inputs, output, &upstream)?;
        let first = match (&node.before, first) {
            (Some(before), Some(gradient)) => {
                before.receive(gradient)?;
                Some(scalar()?)
            }
            (_, first) => first,
        };
        Ok((first, second, third))
    }
}

/// The result itself, made from the scalar that stands for it.
struct Show(Arc<Made>);

impl CustomOp1 for Show {
    fn name(&self) -> &'static str {
        "relayed"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.node.operation.forward(&self.0.node.inputs)
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        self.0.node.receive(upstream.clone())?;
        Ok(Some(scalar()?))
    }
}
