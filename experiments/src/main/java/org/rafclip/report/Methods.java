package org.rafclip.report;

import java.time.Duration;
import java.util.Locale;
import java.util.stream.Stream;
import org.rafclip.agcn.compose.ComposerConfig;

/** How the page words what files name by a key. */
final class Methods {

    private Methods() {}

    /** A composer's kind, as the paper's Table 5 names it. */
    static String name(String kind) {
        return Stream.of(ComposerConfig.Kind.values())
                .filter(known ->
                        known.name().equals(kind.toUpperCase(Locale.ROOT).replace('-', '_')))
                .map(ComposerConfig.Kind::title)
                .findFirst()
                .orElse(kind);
    }

    /** The words of a name: {@code mean recall at 10} for {@code meanRecallAt10}. */
    static String words(String camelCase) {
        return camelCase
                .replaceAll("(?<=[a-z])(?=[A-Z0-9])", " ")
                .toLowerCase(Locale.ROOT)
                .replaceAll("\\bf ?1\\b", "F1")
                .replaceAll("recall at (\\d+)", "R@$1");
    }

    /** A duration as {@code 1:02:03}. */
    static String clock(Duration time) {
        return String.format("%d:%02d:%02d", time.toHours(), time.toMinutesPart(), time.toSecondsPart());
    }
}
