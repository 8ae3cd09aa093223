package org.rafclip.bench.peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript module without attributes, as the archive that {@code torch.jit.load} reads: a zip of the module's source,
 * of a pickled object of its class, and of no constants. This opens PyTorch's whole set of operations, fused attention
 * and fused AdamW among them, which the Deep Java Library's own array type does not.
 */
final class TorchScript {

    private static final String FORMAT_VERSION = "10\n";

    private TorchScript() {}

    /**
     * @param name of the class
     * @param forward its method, indented by two blanks, with {@code self: __torch__.NAME}
     */
    static byte[] archive(String name, String forward) {
        String source = "class " + name + "(Module):\n"
                + "  __parameters__ = []\n  __buffers__ = []\n  training : bool\n" + forward;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            // Protocol 2; the class, made from an empty tuple; its state {training: True}.
            put(
                    zip,
                    "data.pkl",
                    "\u0080\u0002c__torch__\n" + name
                            + "\nq\0)\u0081}q\u0001(X\u0008\0\0\0trainingq\u0002\u0088ubq\u0003.");
            put(zip, "code/__torch__.py", source);
            put(zip, "constants.pkl", "\u0080\u0002).");
            put(zip, "version", FORMAT_VERSION);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void put(ZipOutputStream zip, String name, String content) throws IOException {
        byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
        CRC32 checksum = new CRC32();
        checksum.update(bytes);
        ZipEntry entry = new ZipEntry("module/" + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(checksum.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }
}
