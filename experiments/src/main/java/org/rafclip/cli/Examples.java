package org.rafclip.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.UsageMessageSpec;

/**
 * The examples of a command's footer: lines that are indented, each one command. However narrow the help,
 * they can be pasted as they are shown: what is too long goes on after a backslash.
 */
final class Examples {

    static final String COMMAND = "./rafclip ";

    private static final String INDENT = "  ";
    private static final String CONTINUED = "      ";
    private static final String BACKSLASH = " \\";

    /** Words, with what stands in quotes as a part of one; an option and its value stay together. */
    private static final Pattern PIECE = Pattern.compile("(?:-[^\\s=]+ (?!-))?(?:\"[^\"]*\"|'[^']*'|[^\\s\"'])+");

    private Examples() {}

    /** The commands of a footer's lines. */
    static List<String> commands(String... footer) {
        List<String> commands = new ArrayList<>();
        for (String line : footer) {
            if (line.startsWith(INDENT)) {
                commands.add(line.strip());
            }
        }
        return commands;
    }

    /** A footer at the width of the help. */
    static String render(Help help) {
        UsageMessageSpec usage = help.commandSpec().usageMessage();
        StringBuilder text = new StringBuilder();
        for (String line : usage.footer()) {
            if (line.startsWith(INDENT)) {
                text.append(folded(line.strip(), usage.width()));
            } else {
                Help.join(
                        help.ansi(),
                        usage.width(),
                        usage.adjustLineBreaksForWideCJKCharacters(),
                        new String[] {line},
                        text);
            }
        }
        return text.toString();
    }

    /** A command in lines of at most so many characters, as far as its words allow. */
    static String folded(String command, int width) {
        StringBuilder text = new StringBuilder(INDENT);
        int column = INDENT.length();
        boolean first = true;
        var pieces = PIECE.matcher(command);
        while (pieces.find()) {
            String piece = pieces.group();
            if (!first) {
                boolean last = pieces.end() == command.length();
                int room = width - (last ? 0 : BACKSLASH.length());
                if (column + 1 + piece.length() > room) {
                    text.append(BACKSLASH).append(System.lineSeparator()).append(CONTINUED);
                    column = CONTINUED.length();
                } else {
                    text.append(' ');
                    column++;
                }
            }
            text.append(piece);
            column += piece.length();
            first = false;
        }
        return text.append(System.lineSeparator()).toString();
    }
}
