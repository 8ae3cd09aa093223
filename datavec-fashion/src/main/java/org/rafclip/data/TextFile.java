package org.rafclip.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Text files that people write: UTF-8, with or without the byte order mark that some editors put first. */
public final class TextFile {

    private static final String BYTE_ORDER_MARK = "\ufeff";

    private TextFile() {}

    /** @throws java.nio.charset.MalformedInputException if it is not UTF-8 */
    public static String text(Path file) throws IOException {
        return withoutMark(Files.readString(file));
    }

    /** @throws java.nio.charset.MalformedInputException if it is not UTF-8 */
    public static List<String> lines(Path file) throws IOException {
        return text(file).lines().toList();
    }

    /** A text's beginning without the mark. */
    public static String withoutMark(String text) {
        return text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
    }
}
