package org.rafclip.cli;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.run.Configs;
import org.rafclip.sweep.SweepConfig;
import org.rafclip.train.RafClipConfig;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * What may have been meant by an argument that is none: by its meaning, by its letters, or as a key of a configuration.
 *
 * @param wrong what is wrong with the command line
 * @param instead what to try, as a sentence; empty where nothing is near
 */
record Suggestions(String wrong, Optional<String> instead) {

    /** What others call what a command does. */
    private static final Map<String, String> MEANINGS = meanings(
            "recognise", "predict classify tag label infer inference attributes identify detect caption describe",
            "embed", "encode vectorise vectorize features embeddings extract export",
            "index", "build add ingest gallery catalogue catalog",
            "search", "find query retrieve ask nearest similar lookup",
            "serve", "server api web ui http start gui page",
            "train", "fit finetune fine-tune learn fitting",
            "eval", "evaluate test measure validate score metrics accuracy",
            "eval attributes", "accuracy recognition",
            "eval retrieval", "recall",
            "eval composed", "compose composed",
            "ablate", "experiment experiments suite reproduce tables paper",
            "sweep", "tune hyperparameters arbiter optimise optimize grid",
            "bench", "benchmark speed perf performance profile time",
            "report", "compare diff plot plots tensorboard show",
            "demo", "quickstart example examples try tutorial",
            "doctor", "info env check system status diagnose",
            "data", "dataset datasets photos",
            "data check", "validate-data inspect stats",
            "data generate", "generate draw synthesise synthesize",
            "data masks", "segment masks mask sam grabcut",
            "data unpack", "webdataset shards img2dataset untar",
            "model import", "import convert load download weights",
            "onnx", "onnxruntime convert-onnx");

    private static Map<String, String> meanings(String... pairs) {
        Map<String, String> meanings = new TreeMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            for (String word : pairs[i + 1].split(" ")) {
                meanings.putIfAbsent(word, pairs[i]);
            }
        }
        return meanings;
    }

    static Suggestions of(ParameterException e, List<String> arguments) {
        CommandLine command = e.getCommandLine();
        Optional<String> unknown = e instanceof UnmatchedArgumentException unmatched
                ? Optional.of(unmatched.getUnmatched().get(0))
                // A required option that was misspelt is reported as missing.
                : e instanceof MissingParameterException ? unknownOption(command, arguments) : Optional.empty();
        if (unknown.isEmpty()) {
            return new Suggestions(e.getMessage().replaceFirst("^Error: ", ""), Optional.empty());
        }
        String argument = unknown.get();
        if (argument.startsWith("-")) {
            List<String> keys = keys(argument, value(argument, arguments), command);
            return new Suggestions(
                    "there is no option '" + argument.split("=", 2)[0] + "'",
                    keys.isEmpty()
                            ? anyOf(options(argument, command))
                            : Optional.of("A key of the configuration is given without dashes: "
                                    + String.join(" or ", keys)));
        }
        if (command.getSubcommands().isEmpty()) {
            return new Suggestions(e.getMessage(), Optional.empty());
        }
        String name = command.getCommandSpec().qualifiedName() + " " + argument;
        String meant = MEANINGS.get(argument.toLowerCase(Locale.ROOT));
        return new Suggestions(
                "there is no command './" + name + "'",
                anyOf(meant != null ? List.of(Examples.COMMAND + meant) : letters(argument, command)));
    }

    private static Optional<String> anyOf(List<String> near) {
        return near.isEmpty() ? Optional.empty() : Optional.of("Did you mean " + String.join(" or ", near) + "?");
    }

    private static Optional<String> unknownOption(CommandLine command, List<String> arguments) {
        Set<String> known = command.getCommandSpec().optionsMap().keySet();
        return arguments.stream()
                .filter(argument -> argument.startsWith("--") && argument.length() > 2)
                .filter(argument -> !known.contains(argument.split("=", 2)[0]))
                .findFirst();
    }

    private static List<String> options(String argument, CommandLine command) {
        Set<String> names = command.getCommandSpec().optionsMap().keySet();
        String name = argument.split("=", 2)[0];
        return Configs.nearest(
                name,
                names.stream()
                        .filter(option -> option.startsWith("--"))
                        .sorted()
                        .toList());
    }

    private static List<String> letters(String argument, CommandLine command) {
        String prefix = "./" + command.getCommandSpec().qualifiedName() + " ";
        Set<String> names = command.getSubcommands().keySet();
        return Configs.nearest(argument.toLowerCase(Locale.ROOT), names).stream()
                .map(prefix::concat)
                .toList();
    }

    /** What an option would be given. */
    private static String value(String argument, List<String> arguments) {
        if (argument.contains("=")) {
            return argument.split("=", 2)[1];
        }
        int next = arguments.indexOf(argument) + 1;
        boolean given = next > 0
                && next < arguments.size()
                && !arguments.get(next).startsWith("--")
                && !arguments.get(next).contains("=");
        return given ? arguments.get(next) : "VALUE";
    }

    /** The keys that an option would be, were it one of the configuration that a command takes. */
    private static List<String> keys(String argument, String value, CommandLine command) {
        boolean overrides = command.getCommandSpec().positionalParameters().stream()
                .anyMatch(parameter -> parameter.paramLabel().equals("KEY=VALUE"));
        if (!overrides) {
            return List.of();
        }
        String name = argument.replaceFirst("^-+", "")
                .split("=", 2)[0]
                .toLowerCase(Locale.ROOT)
                .replace('_', '-');
        Stream<Class<? extends Record>> types = switch (command.getCommandName()) {
            case "train" -> Stream.of(RafClipConfig.class, AgcnConfig.class);
            case "sweep" -> Stream.of(SweepConfig.class, RafClipConfig.class, AgcnConfig.class);
            default -> Stream.of(SuiteConfig.class);
        };
        return types.flatMap(type -> Configs.keys(type).stream())
                .map(Configs.Key::path)
                .filter(path -> path.equals(name) || path.endsWith("." + name))
                .map(path -> path + "=" + value)
                .distinct()
                .collect(Collectors.toList());
    }
}
