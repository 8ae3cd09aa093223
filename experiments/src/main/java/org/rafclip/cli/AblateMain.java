package org.rafclip.cli;

import java.util.stream.Stream;
import org.rafclip.experiment.ExperimentMain;

/** Runs single experiments as {@code ./rafclip ablate --only} does. */
public final class AblateMain implements ExperimentMain {

    @Override
    public void run(String id, String[] arguments) {
        Main.main(Stream.concat(Stream.of("ablate", "--only", id), Stream.of(arguments))
                .toArray(String[]::new));
    }
}
