package org.rafclip.cli;

import picocli.CommandLine.Command;

/** Measures models and segmenters. */
@Command(
        name = "eval",
        description = "Measure a model as the paper's tables do, or the masks.",
        footer = {"", "Example:", "  ./rafclip eval attributes --run runs/raf --data DIR --split test"},
        subcommands = {EvalAttributes.class, EvalRetrieval.class, EvalComposed.class, EvalMasks.class})
final class EvalCommand extends CommandGroup {}
