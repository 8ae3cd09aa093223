package org.rafclip.data;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Text that comes from or goes to the operating system: arguments, lines of the console and file names. The JVM encodes
 * them by the locale it was started in, and what that cannot express is lost without a word.
 */
public final class SystemText {

    private static final char LOST = '\ufffd';

    private SystemText() {}

    /** What is wrong with a text, and the remedy, as the end of a sentence; empty where every character arrives. */
    public static Optional<String> fault(String text) {
        return fault(text, Charset.forName(System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name())));
    }

    static Optional<String> fault(String text, Charset system) {
        boolean lost = text.indexOf(LOST) >= 0;
        if (system.equals(StandardCharsets.UTF_8)) {
            return lost ? Optional.of("is not UTF-8 text: type it in UTF-8 (iconv converts files)") : Optional.empty();
        }
        return lost || !system.newEncoder().canEncode(text)
                ? Optional.of("has characters that " + system.name() + ", the encoding of the locale this program was"
                        + " started in, cannot hold: set LC_ALL=C.UTF-8 in the environment and start again")
                : Optional.empty();
    }
}
