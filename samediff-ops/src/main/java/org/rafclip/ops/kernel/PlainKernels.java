package org.rafclip.ops.kernel;

/** The kernels in double arithmetic over both data types: the reference, and the way out where nothing faster runs. */
final class PlainKernels implements Kernels {

    static final double TWICE_SQRT_2_OVER_PI = 2 * Math.sqrt(2 / Math.PI);

    /** The share of x³ in the tanh approximation of GELU (Hendrycks and Gimpel 2016). */
    static final double CUBE = 0.044715;

    private static final double SQRT_HALF = Math.sqrt(0.5);
    private static final double INVERSE_SQRT_2_PI = 1 / Math.sqrt(2 * Math.PI);

    @Override
    public void layerNorm(
            Memory x,
            Memory gamma,
            Memory beta,
            Memory y,
            Memory statistics,
            int width,
            double eps,
            long from,
            long to) {
        long rows = statistics.length() / 2;
        for (long r = from; r < to; r++) {
            long o = r * width;
            double mean = mean(x, o, width);
            double variance = variance(x, o, width, mean);
            double inverse = 1 / Math.sqrt(variance + eps);
            statistics.set(r, mean);
            statistics.set(rows + r, variance);
            for (int j = 0; j < width; j++) {
                y.set(o + j, (x.get(o + j) - mean) * inverse * gamma.get(j) + beta.get(j));
            }
        }
    }

    @Override
    public void layerNormBackward(
            Memory x,
            Memory gamma,
            Memory statistics,
            Memory dy,
            Memory dx,
            double[] dGamma,
            double[] dBeta,
            int width,
            double eps,
            long from,
            long to) {
        long rows = statistics.length() / 2;
        for (long r = from; r < to; r++) {
            long o = r * width;
            double mean = statistics.get(r);
            double inverse = 1 / Math.sqrt(statistics.get(rows + r) + eps);
            double sum = 0;
            double sumWithX = 0;
            for (int j = 0; j < width; j++) {
                double normalized = (x.get(o + j) - mean) * inverse;
                double d = dy.get(o + j);
                sum += d * gamma.get(j);
                sumWithX += d * gamma.get(j) * normalized;
                dGamma[j] += d * normalized;
                dBeta[j] += d;
            }
            for (int j = 0; j < width; j++) {
                double normalized = (x.get(o + j) - mean) * inverse;
                dx.set(o + j, inverse * (dy.get(o + j) * gamma.get(j) - sum / width - normalized * sumWithX / width));
            }
        }
    }

    private static double mean(Memory x, long offset, int width) {
        double sum = 0;
        for (int j = 0; j < width; j++) {
            sum += x.get(offset + j);
        }
        return sum / width;
    }

    private static double variance(Memory x, long offset, int width, double mean) {
        double sum = 0;
        for (int j = 0; j < width; j++) {
            double d = x.get(offset + j) - mean;
            sum += d * d;
        }
        return sum / width;
    }

    @Override
    public void activation(Activation f, Memory x, Memory y, long from, long to) {
        for (long i = from; i < to; i++) {
            double v = x.get(i);
            y.set(i, value(f, v));
        }
    }

    @Override
    public void activationBackward(Activation f, Memory x, Memory dy, Memory dx, long from, long to) {
        for (long i = from; i < to; i++) {
            dx.set(i, dy.get(i) * derivative(f, x.get(i)));
        }
    }

    static double value(Activation f, double v) {
        return switch (f) {
            case GELU -> v * 0.5 * (1 + erf(v * SQRT_HALF));
            case QUICK_GELU -> v * sigmoid(1.702 * v);
            case RELU -> Math.max(0, v);
            case SIGMOID -> sigmoid(v);
            case GELU_TANH -> v * sigmoid(tanhArgument(v));
        };
    }

    static double derivative(Activation f, double v) {
        return switch (f) {
            case GELU -> 0.5 * (1 + erf(v * SQRT_HALF)) + v * INVERSE_SQRT_2_PI * Math.exp(-0.5 * v * v);
            case QUICK_GELU -> {
                double s = sigmoid(1.702 * v);
                yield s + 1.702 * v * s * (1 - s);
            }
            case RELU -> v > 0 ? 1 : 0;
            case SIGMOID -> {
                double s = sigmoid(v);
                yield s * (1 - s);
            }
            case GELU_TANH -> {
                double s = sigmoid(tanhArgument(v));
                yield s + v * s * (1 - s) * TWICE_SQRT_2_OVER_PI * (1 + 3 * CUBE * v * v);
            }
        };
    }

    /** Twice what GELU's approximation takes the hyperbolic tangent of. */
    private static double tanhArgument(double v) {
        return TWICE_SQRT_2_OVER_PI * (v + CUBE * v * v * v);
    }

    private static double sigmoid(double v) {
        return 1 / (1 + Math.exp(-v));
    }

    /** The error function to double precision: its Maclaurin series near zero, else the continued fraction of erfc. */
    static double erf(double v) {
        double a = Math.abs(v);
        if (a > 6) {
            return Math.signum(v);
        }
        if (a < 2.5) {
            double term = a;
            double sum = a;
            for (int n = 1; Math.abs(term) > 1e-17 * sum; n++) {
                term *= -a * a / n;
                sum += term / (2 * n + 1);
            }
            return Math.signum(v) * 2 / Math.sqrt(Math.PI) * sum;
        }
        double fraction = a;
        for (int n = 60; n > 0; n--) {
            fraction = a + n / 2.0 / fraction;
        }
        return Math.signum(v) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction);
    }

    @Override
    public void softmax(Memory p, long offset, int rows, int stride, int width, boolean causal) {
        for (int row = 0; row < rows; row++) {
            softmax(p, offset + (long) row * stride, causal ? Math.min(row + 1, width) : width, width);
        }
    }

    private static void softmax(Memory p, long offset, int valid, int width) {
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < valid; j++) {
            max = Math.max(max, p.get(offset + j));
        }
        double sum = 0;
        for (int j = 0; j < valid; j++) {
            double e = Math.exp(p.get(offset + j) - max);
            p.set(offset + j, e);
            sum += e;
        }
        for (int j = 0; j < valid; j++) {
            p.set(offset + j, p.get(offset + j) / sum);
        }
        p.fill(offset + valid, width - valid, 0);
    }

    @Override
    public void softmaxBackward(Memory d, long dOffset, Memory p, long pOffset, int width, double scale) {
        double dot = 0;
        for (int j = 0; j < width; j++) {
            dot += d.get(dOffset + j) * p.get(pOffset + j);
        }
        for (int j = 0; j < width; j++) {
            d.set(dOffset + j, scale * p.get(pOffset + j) * (d.get(dOffset + j) - dot));
        }
    }

    @Override
    public void l2Normalize(Memory x, Memory y, int width, double eps, long from, long to) {
        for (long r = from; r < to; r++) {
            double norm = Math.max(Math.sqrt(sumOfSquares(x, r * width, (r + 1) * width)), eps);
            for (long i = r * width; i < (r + 1) * width; i++) {
                y.set(i, x.get(i) / norm);
            }
        }
    }

    @Override
    public void l2NormalizeBackward(Memory x, Memory dy, Memory dx, int width, double eps, long from, long to) {
        for (long r = from; r < to; r++) {
            double norm = Math.sqrt(sumOfSquares(x, r * width, (r + 1) * width));
            double dot = 0;
            for (long i = r * width; i < (r + 1) * width; i++) {
                dot += x.get(i) * dy.get(i);
            }
            double along = norm > eps ? dot / (norm * norm) : 0;
            for (long i = r * width; i < (r + 1) * width; i++) {
                dx.set(i, (dy.get(i) - x.get(i) * along) / Math.max(norm, eps));
            }
        }
    }

    @Override
    public void addColumnSums(Memory x, double[] sums, int width, long from, long to) {
        for (long r = from; r < to; r++) {
            for (int j = 0; j < width; j++) {
                sums[j] += x.get(r * width + j);
            }
        }
    }

    @Override
    public void add(Memory x, Memory y, Memory z, long from, long to) {
        for (long i = from; i < to; i++) {
            z.set(i, x.get(i) + y.get(i));
        }
    }

    @Override
    public void axpy(double a, Memory x, long xOffset, Memory y, long yOffset, long count) {
        for (long i = 0; i < count; i++) {
            y.add(yOffset + i, a * x.get(xOffset + i));
        }
    }

    @Override
    public void addRuns(Memory x, long xOffset, long[] starts, boolean repeated, int run, Memory y, long yOffset) {
        for (int i = 0; i < starts.length; i++) {
            for (int j = 0; j < run; j++) {
                y.add(yOffset + (long) i * run + j, x.get(xOffset + starts[i] + (repeated ? 0 : j)));
            }
        }
    }

    @Override
    public void dropout(Draws draws, Memory x, Memory y, long from, long to) {
        double scale = draws.scale();
        for (long i = from; i < to; i++) {
            y.set(i, draws.keeps(i) ? x.get(i) * scale : 0);
        }
    }

    @Override
    public double sumOfSquares(Memory x, long from, long to) {
        double sum = 0;
        for (long i = from; i < to; i++) {
            sum += x.get(i) * x.get(i);
        }
        return sum;
    }

    @Override
    public void adamW(AdamWStep step, Memory w, Memory g, Memory m, Memory v, long from, long to) {
        double c1 = step.correction1();
        double c2 = step.correction2();
        for (long i = from; i < to; i++) {
            double gradient = g.get(i) * step.gradientScale();
            double first = step.beta1() * m.get(i) + (1 - step.beta1()) * gradient;
            double second = step.beta2() * v.get(i) + (1 - step.beta2()) * gradient * gradient;
            m.set(i, first);
            v.set(i, second);
            double decayed = w.get(i) * (1 - step.lr() * step.weightDecay());
            w.set(i, decayed - step.lr() * (first / c1) / (Math.sqrt(second / c2) + step.eps()));
        }
    }
}
