package org.rafclip.data.deepfashion;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.data.WrongFile;

/** The data set's plain text files. */
final class ListFile {

    private ListFile() {}

    /** A line of an official list file. */
    record Entry(String name, int type, int line) {}

    /** All lines, without blank ones at the end. */
    static List<String> lines(Path file) {
        try {
            List<String> lines = TextFile.lines(file);
            refuseForeign(file, lines);
            int end = lines.size();
            while (end > 0 && lines.get(end - 1).isBlank()) {
                end--;
            }
            return lines.subList(0, end);
        } catch (NoSuchFileException e) {
            throw new DataException(file + ": no such file; it belongs to the data set, get it from there", e);
        } catch (MalformedInputException e) {
            throw new DataException(
                    file + ": " + WrongFile.describe(file).orElse("is not UTF-8 text; save it as UTF-8"), e);
        } catch (IOException e) {
            throw new DataException(
                    file + ": " + WrongFile.describe(file).orElse("cannot be read (" + e.getMessage() + ")"), e);
        }
    }

    /** A pointer or a web page that stands in a text file's place is text, too. */
    private static void refuseForeign(Path file, List<String> lines) {
        String first = lines.isEmpty() ? "" : lines.get(0);
        if (first.startsWith("version https:") || first.startsWith("<")) {
            WrongFile.describe(file).ifPresent(what -> {
                throw new DataException(file + ": " + what);
            });
        }
    }

    /**
     * An official list: the number of entries, a heading, then a name (blanks allowed) and a type number a line.
     *
     * @param heading shown where the form is wrong
     */
    static List<Entry> read(Path file, String heading) {
        List<String> lines = lines(file);
        String form = "the file starts with the number of entries and the heading '" + heading + "'";
        if (lines.size() < 3) {
            throw new DataException(file + ": has " + lines.size() + " lines; " + form + ", then come the entries");
        }
        int count;
        try {
            count = Integer.parseInt(lines.get(0).strip());
        } catch (NumberFormatException e) {
            throw new DataException(file + ":1: '" + lines.get(0).strip() + "' is not a number; " + form, e);
        }
        if (count != lines.size() - 2) {
            throw new DataException(file + ":1: announces " + count + " entries, the file has " + (lines.size() - 2)
                    + "; get the file again or correct the number");
        }
        List<Entry> entries = new ArrayList<>(count);
        for (int i = 2; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            int blank = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t'));
            try {
                entries.add(new Entry(
                        line.substring(0, Math.max(0, blank)).strip(),
                        Integer.parseInt(line.substring(blank + 1)),
                        i + 1));
            } catch (NumberFormatException e) {
                throw new DataException(
                        file + ":" + (i + 1) + ": '" + line + "' does not end in a type number; write 'name type'", e);
            }
            if (blank < 1) {
                throw new DataException(file + ":" + (i + 1) + ": '" + line + "' has no name; write 'name type'");
            }
        }
        return entries;
    }
}
