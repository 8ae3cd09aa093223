package org.rafclip.report;

import java.util.Base64;

/**
 * An encoded picture.
 *
 * @param name of its file, unique on its page, with an ending that says the format: {@code .png} or {@code .jpg}
 * @param width on the page, in CSS pixels
 * @param height on the page, in CSS pixels
 * @param bytes the file
 */
record PageImage(String name, int width, int height, byte[] bytes) {

    String dataUri() {
        String type = name.endsWith(".png") ? "image/png" : "image/jpeg";
        return "data:" + type + ";base64," + Base64.getEncoder().encodeToString(bytes);
    }
}
