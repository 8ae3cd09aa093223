package org.rafclip.cli;

import picocli.CommandLine.Command;

/** What can be done with a folder of photos before training. */
@Command(
        name = "data",
        description =
                "Check a data folder, unpack shards into one, compute its masks, draw one, list the preparation steps.",
        footer = {"", "Example:", "  ./rafclip data check DIR"},
        subcommands = {
            DataCheckCommand.class,
            DataUnpackCommand.class,
            DataMasksCommand.class,
            DataGenerateCommand.class,
            DataStepsCommand.class
        })
final class DataCommand extends CommandGroup {}
