//! Which members belong together.

/// Sets that are united step by step.
pub(super) struct Union(Vec<u32>);

impl Union {
    /// Each member alone.
    pub fn of(members: usize) -> Self {
        Self((0..members as u32).collect())
    }

    /// The member that stands for the set of `member`: the least.
    pub fn root(&mut self, mut member: u32) -> u32 {
        while self.0[member as usize] != member {
            let next = self.0[self.0[member as usize] as usize];
            self.0[member as usize] = next;
            member = next;
        }
        member
    }

    /// The sets numbered from 0 on by their least members: the number of each member's, and how many there are.
    pub fn numbered(mut self) -> (Vec<u32>, usize) {
        let mut count = 0;
        for member in 0..self.0.len() {
            // Whatever stands above a member is less, and has its number already.
            let above = self.0[member] as usize;
            self.0[member] = if above == member { count } else { self.0[above] };
            count += u32::from(above == member);
        }
        (self.0, count as usize)
    }

    /// Unites two sets.
    pub fn join(&mut self, a: u32, b: u32) {
        // Mostly they are one already, and stand right below the same member.
        if self.0[a as usize] == self.0[b as usize] {
            return;
        }
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}
