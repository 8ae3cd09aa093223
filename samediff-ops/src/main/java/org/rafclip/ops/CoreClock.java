package org.rafclip.ops;

/**
 * The clock of an x86 core at work, which virtual machines do not tell: they name the processor's base clock. Each of a
 * chain of multiplications waits for the one before, and takes three cycles on all processors whose limits
 * {@link Microarchitecture} knows.
 */
final class CoreClock {

    private static final int CYCLES = 3;
    private static final int CHAIN = 300_000;
    private static final int ATTEMPTS = 600;

    private CoreClock() {}

    /** GHz of the quickest of several runs, since whatever disturbs makes them slower; 0 where the JVM only interprets. */
    static double gigahertz() {
        if (System.getProperty("java.vm.info", "").contains("interpreted mode")) {
            return 0;
        }
        double quickest = Double.POSITIVE_INFINITY;
        int product = 3;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long begin = System.nanoTime();
            product = squared(product | 2, CHAIN);
            quickest = Math.min(quickest, System.nanoTime() - begin);
        }
        if (product == 0) {
            throw new IllegalStateException("an odd number's squares are odd");
        }
        return (double) CYCLES * CHAIN / quickest;
    }

    /** No compiler can regroup squares, as it may a product of constants. */
    private static int squared(int x, int times) {
        int y = x;
        for (int i = 0; i < times; i++) {
            y *= y;
        }
        return y;
    }
}
