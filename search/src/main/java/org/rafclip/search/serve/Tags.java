package org.rafclip.search.serve;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Content known by a digest, and entity tags made of it. */
final class Tags {

    /** 128 bits: nobody finds other content of the same digest. */
    private static final int DIGITS = 32;

    private Tags() {}

    /** 32 hexadecimal digits. */
    static String digest(byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return HexFormat.of().formatHex(digest).substring(0, DIGITS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    static String of(byte[] content) {
        return '"' + digest(content) + '"';
    }

    /** Whether an {@code If-None-Match} header, null where there is none, names a tag. */
    static boolean match(String header, String tag) {
        if (header == null) {
            return false;
        }
        for (String one : header.split(",")) {
            String stripped = one.strip();
            if (stripped.equals("*") || stripped.equals(tag) || stripped.equals("W/" + tag)) {
                return true;
            }
        }
        return false;
    }
}
