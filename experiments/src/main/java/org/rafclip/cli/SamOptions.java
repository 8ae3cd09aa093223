package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.rafclip.data.segment.SamSegmenter;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.photos.SamConfig;
import org.rafclip.photos.SegmenterChoice;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The networks of segmenter sam: options that the commands on masks share. */
final class SamOptions {

    @Option(
            names = "--sam-encoder",
            paramLabel = "FILE",
            description = "The image encoder of SAM, MobileSAM, EfficientSAM or SAM 2 as ONNX, for --segmenter sam; see"
                    + " onnx/export.")
    private Path encoder;

    @Option(names = "--sam-decoder", paramLabel = "FILE", description = "The mask decoder of the same model as ONNX.")
    private Path decoder;

    @Option(
            names = "--sam-mask",
            defaultValue = "single",
            paramLabel = "WHICH",
            description =
                    "${COMPLETION-CANDIDATES}: the decoder's mask for clear prompts such as boxes, or of the others"
                            + " the one it trusts most, as always where there is none for clear prompts. Default: ${DEFAULT-VALUE}.")
    private SamSegmenter.Choice mask;

    @Option(
            names = "--sam-engine",
            defaultValue = "samediff",
            paramLabel = "ENGINE",
            description = "What runs SAM's networks: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private SamConfig.Engine engine;

    /** The settings, or null where SAM is not among the segmenters. */
    SamConfig settings(CommandSpec spec, List<SegmenterChoice> segmenters) {
        boolean asked = segmenters.contains(SegmenterChoice.SAM);
        if (asked && (encoder == null || decoder == null)) {
            throw new ParameterException(
                    spec.commandLine(), "--segmenter sam needs --sam-encoder and --sam-decoder, its ONNX files");
        }
        if (!asked && (encoder != null || decoder != null)) {
            throw new ParameterException(spec.commandLine(), "--sam-encoder and --sam-decoder need --segmenter sam");
        }
        return asked ? new SamConfig(encoder, decoder, mask, engine) : null;
    }

    /** Says what SAM's masks cost, and frees its networks. */
    void printCost(PrintWriter out, Segmenter segmenter) {
        if (segmenter instanceof SamSegmenter sam) {
            SamSegmenter.Cost cost = sam.cost();
            sam.close();
            if (cost.photos() > 0) {
                out.printf(
                        Locale.ROOT,
                        "SAM: %,d photos encoded, %,.0f ms each; %,d boxes decoded, %,.0f ms each%n",
                        cost.photos(),
                        cost.encodeMillis(),
                        cost.boxes(),
                        cost.decodeMillis());
                out.flush();
            }
        }
    }
}
