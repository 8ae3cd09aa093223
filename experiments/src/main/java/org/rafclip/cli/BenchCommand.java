package org.rafclip.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** Measures what training, encoding and searching cost on this machine. */
@Command(
        name = "bench",
        description = "Measure what training, encoding and searching cost on this machine.",
        footer = {"", "Example:", "  ./rafclip bench train --model vit-b-32"},
        subcommands = {
            BenchTrain.class,
            BenchCompose.class,
            BenchMemory.class,
            BenchEncode.class,
            BenchSearch.class,
            BenchServe.class,
            HelpCommand.class
        })
final class BenchCommand extends CommandGroup {}
