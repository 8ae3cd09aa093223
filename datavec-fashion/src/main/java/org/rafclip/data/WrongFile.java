package org.rafclip.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Recognises what people give by mistake where a file of some format is meant, so that a refusal can say it. */
public final class WrongFile {

    private static final int HEAD = 512;

    private static final Pattern LFS_SIZE = Pattern.compile("\nsize (\\d{1,15})\n");

    private static final String PYTORCH = "is a PyTorch file";

    private static final String SAFETENSORS = "is a safetensors file";

    private static final String TAR = "is a tar archive";

    private static final String ELSEWHERE =
            ", where another format is meant: ./rafclip model import reads such weights";

    private WrongFile() {}

    /** As {@link #describe}, for whom weights are meant: a damaged file of them is not wrong in kind. */
    public static Optional<String> insteadOfTensors(Path file) {
        return describe(file).filter(what -> !what.startsWith(SAFETENSORS) && !what.startsWith(PYTORCH));
    }

    /** As {@link #describe}, for whom a tar archive is meant. */
    public static Optional<String> insteadOfTar(Path file) {
        return describe(file).filter(what -> !what.startsWith(TAR));
    }

    /**
     * What a file is and what to do, as the end of a sentence that begins with its name. Never what the caller reads: it
     * has found out already that the file is none of that.
     *
     * @return empty where it is nothing known here, or cannot be read
     */
    public static Optional<String> describe(Path file) {
        if (Files.isDirectory(file)) {
            return Optional.of("is a folder, where a file is meant: name the file in it");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return describe(in.readNBytes(HEAD));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** {@link #describe(Path)} by the beginning of a file's content. */
    public static Optional<String> describe(byte[] head) {
        String text = new String(head, StandardCharsets.ISO_8859_1);
        String lower = text.stripLeading().toLowerCase(Locale.ROOT);
        String what = null;
        if (head.length == 0) {
            what = "is empty: fetch it again";
        } else if (isSafetensors(head)) {
            // Its first bytes are a length, and may be another format's by chance.
            what = SAFETENSORS + ELSEWHERE;
        } else if (text.startsWith("version https://git-lfs")) {
            Matcher size = LFS_SIZE.matcher(text);
            what = "is a Git LFS pointer"
                    + (size.find()
                            ? String.format(Locale.ROOT, " to a file of %,d bytes that", Long.parseLong(size.group(1)))
                            : "; the file itself")
                    + " was not fetched: run 'git lfs pull' in its repository, or download the file itself";
        } else if (lower.startsWith("<!doctype html") || lower.startsWith("<html")) {
            what = "is a web page: the download went wrong or needs a login, fetch the file itself";
        } else if (text.startsWith("PK\3\4")) {
            what = text.contains("/data.pkl") || text.contains("/byteorder") || text.contains("archive/")
                    ? PYTORCH + ELSEWHERE
                    : "is a zip archive: unpack it, and give the file in it";
        } else if (head.length > 1 && head[0] == (byte) 0x80 && head[1] >= 2 && head[1] <= 5) {
            what = PYTORCH + ELSEWHERE;
        } else if (text.startsWith("ustar", 257)) {
            what = TAR + ": unpack it, and give the file in it";
        } else if (text.startsWith("\u0089HDF")) {
            what = "is an HDF5 file, as Keras writes them: take the model's .safetensors";
        } else if (text.startsWith("GGUF")) {
            what = "is a GGUF file of quantized weights: take the model's .safetensors";
        } else if (text.startsWith("\u001f\u008b")) {
            what = "is packed by gzip: unpack it";
        } else if (text.startsWith("BZh") || text.startsWith("\u00fd7zXZ") || text.startsWith("(\u00b5/\u00fd")) {
            what = "is packed by " + (head[0] == 'B' ? "bzip2" : head[0] == '(' ? "zstd" : "xz") + ": unpack it";
        } else if (text.startsWith("\u00ff\u00fe") || text.startsWith("\u00fe\u00ff")) {
            what = "is UTF-16 text: save it as UTF-8";
        }
        return Optional.ofNullable(what);
    }

    private static boolean isSafetensors(byte[] head) {
        return head.length > 9
                && head[8] == '{'
                && ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong(0) >>> 32 == 0;
    }
}
