// What the operators do on a card, apart from convolutions (cuDNN) and matrix products (cuBLAS). All values are f32,
// contiguous; `n` is how many a kernel writes. Every sum is taken in an order that depends on the shapes alone.
//
// NVRTC compiles this file for the card at hand. Blocks have any power of two of threads up to THREADS.

typedef unsigned long long size;

#define THREADS 256
#define KERNEL extern "C" __global__ void
#define EACH(i, n)                                                                                     \
    for (size i = blockIdx.x * (size)blockDim.x + threadIdx.x; i < (n); i += gridDim.x * (size)blockDim.x)

__device__ inline float leaky(float x, float slope) { return x > 0.0f ? x : x * slope; }

// ---- one value at a time

KERNEL leaky_relu(size n, float slope, const float *x, float *y) { EACH(i, n) y[i] = leaky(x[i], slope); }

// `upstream` where `y` > 0, else slope * upstream.
KERNEL leaky_gradient(size n, float slope, const float *upstream, const float *y, float *out) {
    EACH(i, n) out[i] = y[i] > 0.0f ? upstream[i] : upstream[i] * slope;
}

KERNEL product(size n, const float *a, const float *b, float *out) { EACH(i, n) out[i] = a[i] * b[i]; }

KERNEL cross_entropy(size n, const float *x, const float *t, float *out) {
    EACH(i, n) out[i] = fmaxf(x[i], 0.0f) - x[i] * t[i] + log1pf(expf(-fabsf(x[i])));
}

KERNEL cross_entropy_gradient(size n, const float *x, const float *t, float *out) {
    EACH(i, n) out[i] = 1.0f / (1.0f + expf(-x[i])) - t[i];
}

KERNEL adam_moments(size n, float scale, float beta1, float beta2, const float *gradient, float *first, float *second) {
    EACH(i, n) {
        float g = scale * gradient[i];
        first[i] = beta1 * first[i] + (1.0f - beta1) * g;
        second[i] = beta2 * second[i] + (1.0f - beta2) * g * g;
    }
}

KERNEL adam_step(size n, float step, float inverse_correction, float epsilon, float keep, const float *first,
                 const float *second, float *variable) {
    EACH(i, n) {
        variable[i] = keep * variable[i] - step * first[i] / (sqrtf(second[i]) * inverse_correction + epsilon);
    }
}

// ---- pixels; `n` of the result, `width` of the smaller image

KERNEL upsample(size n, size width, size factor, const float *x, float *out) {
    EACH(i, n) {
        size row = i / (width * factor), column = i % (width * factor);
        out[i] = x[row / factor * width + column / factor];
    }
}

KERNEL sum_blocks(size n, size width, size factor, const float *x, float *out) {
    EACH(i, n) {
        size row = i / width, column = i % width;
        float sum = 0.0f;
        for (size dy = 0; dy < factor; dy++)
            for (size dx = 0; dx < factor; dx++)
                sum += x[(row * factor + dy) * (width * factor) + column * factor + dx];
        out[i] = sum;
    }
}

// ---- values that repeat: value (i / run) % count belongs to place i

KERNEL repeated_affine(size n, size count, size run, float slope, const float *x, const float *weight,
                       const float *bias, float *y) {
    EACH(i, n) {
        size v = i / run % count;
        y[i] = leaky(x[i] * weight[v] + bias[v], slope);
    }
}

KERNEL repeated_bias(size n, size count, size run, float slope, const float *bias, float *y) {
    EACH(i, n) y[i] = leaky(y[i] + bias[i / run % count], slope);
}

KERNEL repeated_product(size n, size count, size run, const float *x, const float *weight, float *out) {
    EACH(i, n) out[i] = x[i] * weight[i / run % count];
}

__device__ inline double block_sum(double value) {
    __shared__ double sums[THREADS];
    __syncthreads(); // whoever read the last sum has done so
    sums[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    return sums[0];
}

// Partial sums of f(place, value) over the places of each value: [gridDim.y, count]. Where runs are long a block takes
// one value, else a thread does; `places` in all.
template <class F> __device__ void reduce(size places, size count, size run, double *partial, F f) {
    size row = count * run, outer = places / row, part = blockIdx.y, parts = gridDim.y;
    if (run < 32) {
        size v = blockIdx.x * (size)blockDim.x + threadIdx.x;
        if (v >= count) return;
        double sum = 0.0;
        for (size o = part; o < outer; o += parts)
            for (size k = 0; k < run; k++) sum += f(o * row + v * run + k, v);
        partial[part * count + v] = sum;
    } else {
        size v = blockIdx.x;
        double sum = 0.0;
        for (size j = part * blockDim.x + threadIdx.x; j < outer * run; j += parts * blockDim.x)
            sum += f(j / run * row + v * run + j % run, v);
        sum = block_sum(sum);
        if (threadIdx.x == 0) partial[part * count + v] = sum;
    }
}

KERNEL repeated_sum(size places, size count, size run, const float *x, double *partial) {
    reduce(places, count, run, partial, [=](size i, size) { return x[i]; });
}

KERNEL repeated_sum_of_products(size places, size count, size run, const float *a, const float *b, double *partial) {
    reduce(places, count, run, partial, [=](size i, size) { return a[i] * b[i]; });
}

// Squared distances from the value itself.
KERNEL repeated_spread(size places, size count, size run, const float *x, const float *mean, double *partial) {
    reduce(places, count, run, partial, [=](size i, size v) {
        float off = x[i] - mean[v];
        return off * off;
    });
}

// out = factor * the sum of `parts` partial sums of `n` values.
KERNEL finish_sum(size n, size parts, double factor, const double *partial, float *out) {
    EACH(i, n) {
        double sum = 0.0;
        for (size p = 0; p < parts; p++) sum += partial[p * n + i];
        out[i] = (float)(factor * sum);
    }
}

// The sum of `n` numbers, in one thread.
KERNEL total(size n, const double *x, double *out) {
    EACH(i, 1) {
        double sum = 0.0;
        for (size p = 0; p < n; p++) sum += x[p];
        out[0] = sum;
    }
}

// ---- batch norm: statistics are [mean, variance] of each channel

#define BATCH_EPSILON 1e-5f

__device__ inline float scale_of(const float *statistics, size count, size v) {
    return 1.0f / sqrtf(statistics[count + v] + BATCH_EPSILON);
}

KERNEL batch_normalise(size n, size count, size run, float slope, const float *x, const float *statistics,
                       const float *weight, const float *bias, float *y) {
    EACH(i, n) {
        size v = i / run % count;
        float h = (x[i] - statistics[v]) * scale_of(statistics, count, v);
        y[i] = leaky(h * weight[v] + bias[v], slope);
    }
}

// Of the gradient before the activation, alone and times the normalised x; `weighted` says which.
KERNEL batch_gradient_sums(size places, size count, size run, float slope, int weighted, const float *x,
                           const float *upstream, const float *y, const float *statistics, double *partial) {
    reduce(places, count, run, partial, [=](size i, size v) {
        float u = y[i] > 0.0f ? upstream[i] : upstream[i] * slope;
        return weighted ? u * (x[i] - statistics[v]) * scale_of(statistics, count, v) : u;
    });
}

// `share` is 1 / (places per channel) where the statistics depend on x, else 0; `sums` those of the kernel above.
KERNEL batch_input_gradient(size n, size count, size run, float slope, float share, const float *x,
                            const float *upstream, const float *y, const float *statistics, const float *weight,
                            const float *sums, float *out) {
    EACH(i, n) {
        size v = i / run % count;
        float scale = scale_of(statistics, count, v), h = (x[i] - statistics[v]) * scale;
        float u = y[i] > 0.0f ? upstream[i] : upstream[i] * slope;
        out[i] = scale * weight[v] * (u - share * (sums[v] + h * sums[count + v]));
    }
}

// ---- rows of `count` values, one block each: mean 0 and variance 1, and the derivatives of that

struct Row {
    const float *x;
    float mean, scale;
    __device__ float normal(size i) const { return (x[i] - mean) * scale; }
};

template <class F> __device__ float row_mean(size count, F f) {
    double sum = 0.0;
    for (size i = threadIdx.x; i < count; i += blockDim.x) sum += f(i);
    return (float)(block_sum(sum) / count);
}

__device__ inline Row row_of(const float *x, size count) {
    Row row = {x, 0.0f, 0.0f};
    float mean = row_mean(count, [=](size i) { return x[i]; });
    double spread = 0.0;
    for (size i = threadIdx.x; i < count; i += blockDim.x) spread += (x[i] - mean) * (x[i] - mean);
    row.mean = mean;
    row.scale = (float)(1.0 / sqrt(block_sum(spread) / count + 1e-5));
    return row;
}

KERNEL normalise_rows(size count, const float *x, float *out) {
    size start = blockIdx.x * count;
    Row row = row_of(x + start, count);
    for (size i = threadIdx.x; i < count; i += blockDim.x) out[start + i] = row.normal(i);
}

KERNEL normalise_rows_gradient(size count, const float *x, const float *upstream, float *out) {
    size start = blockIdx.x * count;
    const float *u = upstream + start;
    Row row = row_of(x + start, count);
    float plain = row_mean(count, [=](size i) { return u[i]; });
    float along = row_mean(count, [=](size i) { return row.normal(i) * u[i]; });
    for (size i = threadIdx.x; i < count; i += blockDim.x)
        out[start + i] = row.scale * (u[i] - plain - row.normal(i) * along);
}

KERNEL normalise_rows_curvature(size count, const float *x, const float *first, const float *second, float *out) {
    size start = blockIdx.x * count;
    const float *u = first + start, *v = second + start;
    Row row = row_of(x + start, count);
    float mean_u = row_mean(count, [=](size i) { return u[i]; });
    float mean_v = row_mean(count, [=](size i) { return v[i]; });
    float along_u = row_mean(count, [=](size i) { return row.normal(i) * u[i]; });
    float along_v = row_mean(count, [=](size i) { return row.normal(i) * v[i]; });
    float left = row_mean(count, [=](size i) { return u[i] * v[i]; }) - mean_u * mean_v - along_u * along_v;
    for (size i = threadIdx.x; i < count; i += blockDim.x) {
        float h = row.normal(i);
        float of_u = u[i] - mean_u - h * along_u, of_v = v[i] - mean_v - h * along_v;
        out[start + i] = -row.scale * row.scale * (h * left + of_u * along_v + of_v * along_u);
    }
}
