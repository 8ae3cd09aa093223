package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.rafclip.clip.Blend;
import org.rafclip.data.DataException;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Two models of one shape become one between them. */
@Command(
        name = "blend",
        description = {
            "Average the weights of two models of one shape into a model folder.",
            "Each weight is (1 - W) times the first's plus W times the second's. A model that was fine-tuned, blended with the"
                    + " one it began from, keeps much of what fine-tuning loses on other photos (WiSE-FT). eval attributes"
                    + " --blend-with measures several W at once."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip model blend models/vit-b-32 runs/raf --weight 0.5 --out models/blended",
            "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test --blend-with runs/raf"
        })
final class ModelBlend implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "FIRST", description = "A run or a model folder.")
    private Path first;

    @Parameters(
            index = "1",
            paramLabel = "SECOND",
            description = "Another one, such as what was trained from the first.")
    private Path second;

    @Option(
            names = "--weight",
            defaultValue = "0.5",
            paramLabel = "W",
            description = "Of the second model, 0 to 1. Default: ${DEFAULT-VALUE}.")
    private double weight;

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of runs. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The model folder to make.")
    private Path out;

    /**
     * What a blended model is made of.
     *
     * @param first hash of the first model
     * @param second hash of the second model
     * @param weight of the second
     */
    private record Blended(String first, String second, double weight) {}

    @Override
    public Integer call() throws IOException {
        if (!(weight >= 0 && weight <= 1)) {
            throw new ParameterException(
                    spec.commandLine(), "Invalid value for option '--weight': " + weight + " is not within 0 and 1");
        }
        if (Files.exists(out)) {
            throw new FileAlreadyExistsException(out.toString());
        }
        Machine.loadNd4j();
        try (OpenedEncoder one = OpenedEncoder.open(first, checkpoint);
                OpenedEncoder other = OpenedEncoder.open(second, checkpoint)) {
            ModelPreparation preparation = ModelPreparation.afterCrop(one.data());
            if (!preparation.equals(ModelPreparation.afterCrop(other.data()))) {
                throw new DataException("the models cannot be blended: " + first + " sees photos prepared by \""
                        + preparation.steps() + "\", " + second + " by \""
                        + ModelPreparation.afterCrop(other.data()).steps() + "\"");
            }
            Blend.of(one.model(), other.model()).writeTo(one.model(), weight);
            ModelCommand.write(
                    spec,
                    out,
                    one.model(),
                    preparation,
                    new Blended(one.hash(), other.hash(), weight),
                    one.hash() + other.hash());
            PrintWriter printed = spec.commandLine().getOut();
            ModelCommand.print(printed, first + " and " + weight + " of " + second, one.model(), preparation, out);
        }
        return 0;
    }
}
