package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.EncodeBench;
import org.rafclip.bench.EncodeComparison;
import org.rafclip.eval.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times the encoding of images and texts. */
@Command(
        name = "encode",
        description = {
            "Time the encoding of images and texts, and what cutting texts at the longest saves.",
            "With --onnx: beside ONNX Runtime, in turns on the same inputs, and beside the imported graphs."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip bench encode --model vit-b-32 --batch 64",
            "  python3 onnx/export/export_openclip.py --random vit-b-32 --out exported/random",
            "  ./rafclip bench encode --onnx exported/random --json encode.json"
        })
final class BenchEncode implements Callable<Integer> {

    @Mixin
    private BenchOptions common;

    @Mixin
    private PrecisionOption precision;

    @Option(
            names = "--model",
            paramLabel = "NAME|CONFIG",
            defaultValue = BenchOptions.VIT,
            description = "A built-in model or a run's YAML file; default: ${DEFAULT-VALUE}.")
    private String model;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "32",
            description = "Images, and texts, at a time; default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "10",
            description = "Measured batches, after the first; default: ${DEFAULT-VALUE}.")
    private int repeats;

    @Option(
            names = "--onnx",
            paramLabel = "DIR",
            description = "Folder of image.onnx and text.onnx, exported from the same architecture.")
    private Path onnx;

    @Override
    public Integer call() throws IOException {
        BenchModel subject = BenchOptions.subject(model);
        EncodeBench.Work work = new EncodeBench.Work(
                common.positive("--batch", batch), common.positive("--repeats", repeats), common.seed());
        Machine.loadNd4j();
        if (onnx == null) {
            EncodeBench.Result result = BenchOptions.watched(
                    subject.name(),
                    progress -> new EncodeBench(subject, work, BenchOptions.yardstick(precision.precision()), progress)
                            .run());
            show(result.table(), result, subject);
        } else {
            EncodeComparison.Result result = BenchOptions.watched(
                    subject.name(),
                    progress -> new EncodeComparison(
                                    subject, onnx, work, BenchOptions.yardstick(precision.precision()), progress)
                            .run());
            show(result.table(), result, subject);
        }
        return 0;
    }

    private void show(Table table, Record result, BenchModel subject) {
        common.out().println(table.toText());
        common.out().flush();
        common.write(result, new BenchOptions.Measured(List.of(subject)));
    }
}
