package org.rafclip.search.serve;

import java.util.List;

/** Which kinds of images are taken, and by which first bytes they are known. */
final class UploadType {

    /** As a request's {@code Content-Type} names them. */
    static final List<String> NAMES = List.of("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp");

    private UploadType() {}

    /** What content begins like; empty text where it begins like none of them. */
    static String of(byte[] content) {
        if (begins(content, 0, "\u00ff\u00d8\u00ff")) {
            return "image/jpeg";
        } else if (begins(content, 0, "\u0089PNG\r\n\u001a\n")) {
            return "image/png";
        } else if (begins(content, 0, "RIFF") && begins(content, 8, "WEBP")) {
            return "image/webp";
        } else if (begins(content, 0, "GIF8")) {
            return "image/gif";
        }
        return begins(content, 0, "BM") ? "image/bmp" : "";
    }

    private static boolean begins(byte[] content, int at, String bytes) {
        if (content.length < at + bytes.length()) {
            return false;
        }
        for (int i = 0; i < bytes.length(); i++) {
            if (content[at + i] != (byte) bytes.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
