package org.rafclip.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Properties;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.io.Sha256;
import org.rafclip.launch.ProgressLine;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.Precision;
import org.rafclip.ops.Processor;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.Provenance;
import org.rafclip.search.index.LuceneIndex;

/**
 * What a computer offers a training run.
 *
 * @param jvm version, vendor, name
 * @param interpreted true if the JVM compiles nothing
 * @param system operating system, version, architecture
 * @param x86 true for 64-bit x86
 * @param processor with its limit
 * @param processors logical processors the JVM may use
 * @param load processes that were running on average over the last minute, negative where that is unknown
 * @param backend ND4J's backend and version
 * @param blas the matrix library, its version and settings
 * @param oneDnn true if that is oneDNN
 * @param coreType what {@code OPENBLAS_CORETYPE} says, empty if unset
 * @param blasThreads threads the matrix library uses
 * @param heap the Java heap's limit in bytes
 * @param memory the machine's or container's memory in bytes
 * @param memoryFree bytes of it that nobody uses
 * @param container true if a container's limit is below the machine's memory
 * @param tensors limit on everything this process takes, in bytes, 0 for none; allocations beyond it fail
 * @param vectorBits width of the Vector API's registers, 0 where the JVM was started without it
 */
record Machine(
        String jvm,
        boolean interpreted,
        String system,
        boolean x86,
        Processor processor,
        int processors,
        double load,
        String backend,
        String blas,
        boolean oneDnn,
        String coreType,
        int blasThreads,
        long heap,
        long memory,
        long memoryFree,
        boolean container,
        long tensors,
        int vectorBits) {

    /** A class of each module. */
    static final List<Class<?>> MODULES = List.of(
            Blas.class,
            FashionSplit.class,
            Provenance.class,
            AgcnConfig.class,
            EncoderEvaluator.class,
            LuceneIndex.class,
            OnnxModel.class,
            Machine.class);

    /** Holds the commit, which the classes do not depend on. */
    private static final Path BUILD = Path.of("org", "rafclip", "run", "build.properties");

    private static final int SIZE = 1536;
    private static final long MEASURE_NANOS = 1_500_000_000L;
    private static final long GIB = 1L << 30;

    /**
     * Billions of floating-point operations a second in a square matrix product.
     *
     * @param bf16 on all threads with factors of bfloat16, null where the processor does not multiply them
     */
    record Speed(double oneThread, double allThreads, Double bf16) {

        static Speed measure() {
            return new Speed(
                    measureOneThread(),
                    Machine.measure(Precision.FP32),
                    Precision.BF16.available() ? Machine.measure(Precision.BF16) : null);
        }
    }

    /** Examines the machine that this runs on. Loads ND4J. */
    static Machine examine() {
        JavaOps.install();
        OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long total = procValue("/proc/meminfo", "MemTotal:") * 1024;
        String arch = System.getProperty("os.arch");
        return new Machine(
                System.getProperty("java.version") + ", " + System.getProperty("java.vendor") + " "
                        + System.getProperty("java.vm.name"),
                System.getProperty("java.vm.info", "").contains("interpreted mode"),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " " + arch,
                arch.equals("amd64") || arch.equals("x86_64"),
                Processor.here(),
                Runtime.getRuntime().availableProcessors(),
                os.getSystemLoadAverage(),
                Nd4j.getBackend().getClass().getSimpleName() + " " + nd4jVersion(),
                Blas.description(),
                Blas.library() == Blas.Library.ONEDNN,
                System.getenv().getOrDefault("OPENBLAS_CORETYPE", ""),
                Parallel.standard().threads(),
                Runtime.getRuntime().maxMemory(),
                os.getTotalMemorySize(),
                os.getFreeMemorySize(),
                total > 0 && os.getTotalMemorySize() < total,
                Pointer.maxPhysicalBytes(),
                preferredVectorBits());
    }

    /** Multiplies matrices for a second and a half: GFLOP/s of all threads. */
    static double measure(Precision precision) {
        return multiplied((a, b, c) -> Blas.inPrecision(precision, () -> gigaflops(a, b, c)));
    }

    /** The same of single precision on one thread. */
    static double measureOneThread() {
        return multiplied((a, b, c) -> {
            double[] one = new double[1];
            Blas.runWithSerialGemm(Parallel.standard(), 1, 1, (from, to, part) -> one[0] = gigaflops(a, b, c));
            return one[0];
        });
    }

    private interface Measurement {
        double of(INDArray a, INDArray b, INDArray c);
    }

    private static double multiplied(Measurement measurement) {
        INDArray a = Nd4j.rand(SIZE, SIZE);
        INDArray b = Nd4j.rand(SIZE, SIZE);
        INDArray c = Nd4j.create(SIZE, SIZE);
        try {
            return measurement.of(a, b, c);
        } finally {
            Stream.of(a, b, c).forEach(INDArray::close);
        }
    }

    /** The best product counts: whatever disturbs makes it slower, never faster. */
    private static double gigaflops(INDArray a, INDArray b, INDArray c) {
        double best = 0;
        long start = System.nanoTime();
        while (System.nanoTime() - start < MEASURE_NANOS) {
            long before = System.nanoTime();
            Blas.gemm(
                    false,
                    false,
                    SIZE,
                    SIZE,
                    SIZE,
                    1,
                    Memory.of(a),
                    0,
                    SIZE,
                    Memory.of(b),
                    0,
                    SIZE,
                    0,
                    Memory.of(c),
                    0,
                    SIZE);
            best = Math.max(best, 2.0 * SIZE * SIZE * SIZE / (System.nanoTime() - before));
        }
        return best;
    }

    String describe() {
        return String.join(
                System.lineSeparator(),
                "JVM         " + jvm,
                "System      " + system + ", " + processor.name(),
                "Processors  " + processors + (load < 0 ? "" : String.format(Locale.ROOT, ", load %.1f", load)),
                "Limit       " + limit(),
                "ND4J        " + backend,
                "BLAS        " + blas,
                String.format(
                        Locale.ROOT,
                        "Memory      %.1f GiB %s, %.1f free; Java heap at most %.1f, everything together %s",
                        gib(memory),
                        container ? "in this container" : "in all",
                        gib(memoryFree),
                        gib(heap),
                        tensors == 0 ? "unlimited" : String.format(Locale.ROOT, "%.1f", gib(tensors))),
                "Vector API  " + (vectorBits == 0 ? "absent" : vectorBits + " bits"));
    }

    /** What all threads reach at most, and how that is known. */
    private String limit() {
        OptionalDouble fp32 = processor.fp32(blasThreads);
        if (fp32.isEmpty()) {
            return processor.explanation();
        }
        OptionalDouble bf16 = processor.bf16(blasThreads);
        return String.format(
                Locale.ROOT,
                "%.0f GFLOP/s in single precision%s: %s",
                fp32.getAsDouble(),
                bf16.isPresent() ? String.format(Locale.ROOT, ", %.0f in bf16", bf16.getAsDouble()) : "",
                processor.explanation());
    }

    /** What was measured, beside the limit. */
    String describe(Speed speed) {
        OptionalDouble one = processor.fp32(1);
        OptionalDouble all = processor.fp32(blasThreads);
        String products = String.format(
                Locale.ROOT,
                "sgemm       %.0f GFLOP/s on one thread, %.0f on %d (%d x %d)%s",
                speed.oneThread(),
                speed.allThreads(),
                blasThreads,
                SIZE,
                SIZE,
                one.isEmpty() || all.isEmpty()
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                ", %.2f and %.2f of the limit",
                                speed.oneThread() / one.getAsDouble(),
                                speed.allThreads() / all.getAsDouble()));
        if (speed.bf16() == null) {
            return products;
        }
        OptionalDouble most = processor.bf16(blasThreads);
        return products
                + String.format(Locale.ROOT, "%nbf16        %.0f GFLOP/s on %d", speed.bf16(), blasThreads)
                + (most.isEmpty()
                        ? ""
                        : String.format(Locale.ROOT, ", %.2f of the limit", speed.bf16() / most.getAsDouble()));
    }

    /** What to change so that training gets faster or does not fail, most important first. */
    List<String> advice(Speed speed) {
        List<String> advice = new ArrayList<>();
        boolean busy = load > processors * 0.5;
        if (busy) {
            advice.add(String.format(
                    Locale.ROOT,
                    "Other programs keep the processors busy (load %.1f on %d), so the figures above are too low. Stop"
                            + " them and run this again.",
                    load,
                    processors));
        }
        if (interpreted) {
            advice.add("The JVM only interprets. Remove -Xint from RAFCLIP_JAVA_OPTS and JAVA_TOOL_OPTIONS.");
        }
        if (x86 && !oneDnn && coreType.isEmpty()) {
            advice.add("OpenBLAS does not know newer processors. Start through ./rafclip, or set"
                    + " OPENBLAS_CORETYPE=Haswell (SkylakeX with AVX-512) before Java starts.");
        }
        if (x86 && !oneDnn) {
            advice.add(
                    "oneDNN is up to twice as fast as OpenBLAS here. Remove -Drafclip.blas, and build with the default"
                            + " profiles so that org.bytedeco:dnnl is on the class path.");
        }
        if (blasThreads < processors) {
            advice.add("The matrix library uses " + blasThreads + " of " + processors
                    + " processors. Remove -Drafclip.threads.");
        }
        if (vectorBits == 0) {
            advice.add("Layer norm and the optimizer run several times slower without the Vector API. Start through"
                    + " ./rafclip with a full JDK, or add --add-modules jdk.incubator.vector.");
        }
        if (!busy && blasThreads > 1 && speed.allThreads() < 1.2 * speed.oneThread()) {
            advice.add(String.format(
                    Locale.ROOT,
                    "%d threads are hardly faster than one: the processors may be two halves of one core, or throttled"
                            + " by a quota. Training will run at the speed of one.",
                    blasThreads));
        }
        if (!busy && speed.oneThread() < 20) {
            advice.add(String.format(
                    Locale.ROOT,
                    "%.0f GFLOP/s on a thread is slow; processors with AVX2 reach 50 and more. Look for a power-saving"
                            + " mode, an emulated processor, or a virtual machine that hides AVX2.",
                    speed.oneThread()));
        }
        if (heap > memory / 2) {
            advice.add(
                    "The Java heap may grow to more than half of the memory, but tensors live outside it. Lower -Xmx.");
        }
        if (memory < 4 * GIB) {
            advice.add("Less than 4 GiB of memory: train the small configurations, with a micro-batch of 16 or less.");
        } else if (memory < 12 * GIB) {
            advice.add("Less than 12 GiB of memory: ViT-B/32 needs a micro-batch of 8 or less.");
        }
        return advice;
    }

    private static double gib(long bytes) {
        return (double) bytes / GIB;
    }

    private static int preferredVectorBits() {
        try {
            Object shape = Class.forName("jdk.incubator.vector.VectorShape")
                    .getMethod("preferredShape")
                    .invoke(null);
            return (int) shape.getClass().getMethod("vectorBitSize").invoke(shape);
        } catch (ReflectiveOperationException e) {
            return 0;
        }
    }

    private static boolean loaded;

    /**
     * Loads ND4J, which takes seconds, and says so. Before anything else does: whoever is first chooses which library
     * multiplies.
     */
    static synchronized void loadNd4j() {
        if (!loaded) {
            loaded = true;
            ProgressLine.during(ProgressLine.View.standardError(), "loading ND4J ...", JavaOps::install);
        }
    }

    /** What does the arithmetic, for a run's provenance: versions of the libraries, and the processor. */
    static Map<String, String> libraries() {
        Blas.initialize();
        return Map.of(
                "nd4j",
                nd4jVersion(),
                "blas",
                Blas.description(),
                "vectorApi",
                Kernels.vectorized() ? preferredVectorBits() + " bits" : "absent",
                "processor",
                Processor.here().name());
    }

    /**
     * Names the project's code by its classes and resources, whatever the commit that they were built from. Where
     * they come from a jar, the commit is part of the name.
     */
    static String code() throws IOException {
        StringBuilder modules = new StringBuilder("code");
        for (Class<?> module : MODULES) {
            URL place = module.getProtectionDomain().getCodeSource().getLocation();
            Path path;
            try {
                path = Path.of(place.toURI());
            } catch (URISyntaxException e) {
                throw new IOException(place + " is no file's address", e);
            }
            modules.append(' ').append(Files.isDirectory(path) ? contents(path) : Sha256.of(path));
        }
        return Sha256.of(modules.toString());
    }

    private static String contents(Path folder) throws IOException {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                if (!file.endsWith(BUILD)) {
                    text.append(folder.relativize(file))
                            .append(' ')
                            .append(Sha256.of(file))
                            .append('\n');
                }
            }
        }
        return Sha256.of(text.toString());
    }

    private static String nd4jVersion() {
        Properties pom = new Properties();
        try (InputStream in = Nd4j.class.getResourceAsStream("/META-INF/maven/org.nd4j/nd4j-api/pom.properties")) {
            if (in != null) {
                pom.load(in);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return pom.getProperty("version", "of an unknown version");
    }

    private static long procValue(String file, String key) {
        String line = procLine(file, key);
        return line == null ? 0 : Long.parseLong(line.replaceAll("\\D", ""));
    }

    private static String procLine(String file, String key) {
        Path path = Path.of(file);
        if (!Files.isReadable(path)) {
            return null;
        }
        try (Stream<String> lines = Files.lines(path)) {
            return lines.filter(line -> line.startsWith(key)).findFirst().orElse(null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
