package org.rafclip.spark;

import java.net.URI;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.Path;

/** What went wrong, in a line: of an executor's failure Spark gives only its trace as text. */
final class Words {

    private static final Pattern CAUSE =
            Pattern.compile("(?m)^(?:Caused by: |.*Lost task [^\\n]*?\\): )?(?:[\\w$]+\\.)+[\\w$]+: (.+)$");
    private static final Pattern LOST = Pattern.compile("(?m)Lost task [^\\n]*?\\): (.+)$");
    private static final Pattern UNREAD = Pattern.compile("Encountered error while reading file (.+?)\\. Details:");
    private static final Pattern NO_PARQUET = Pattern.compile("(?m)(?:.*Exception: |^)(.+) is not a Parquet file");

    private Words() {}

    /** Whether the program itself complains: to try again is no use. */
    static boolean complains(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (complaint(String.valueOf(cause.getMessage())) != null) {
                return true;
            }
        }
        return false;
    }

    static String of(Throwable e) {
        Throwable last = e;
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String complaint = complaint(String.valueOf(cause.getMessage()));
            if (complaint != null) {
                return complaint;
            }
            last = cause;
        }
        String text = last.getMessage() == null ? last.toString() : last.getMessage();
        String found = null;
        if (text.contains("Lost task")) {
            for (Matcher cause = CAUSE.matcher(text); cause.find(); ) {
                found = cause.group(1);
            }
            Matcher lost = LOST.matcher(text);
            found = found == null && lost.find() ? lost.group(1) : found;
        }
        List<String> lines = (found == null ? text : found).lines().toList();
        return lines.isEmpty() ? last.getClass().getSimpleName() : lines.get(0);
    }

    /** The file that could not be read as what it is; null where that is not what went wrong. */
    static Path unread(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            Matcher file = NO_PARQUET.matcher(text);
            if (file.find()) {
                return new Path(file.group(1));
            }
            file = UNREAD.matcher(text);
            if (file.find()) {
                // Spark writes this one as a URI.
                return new Path(URI.create(file.group(1)));
            }
        }
        return null;
    }

    private static String complaint(String text) {
        int at = text.indexOf(Program.COMPLAINT);
        return at < 0
                ? null
                : text.substring(at + Program.COMPLAINT.length()).lines().findFirst().orElse("");
    }
}
