package org.rafclip.data.text;

import java.util.Locale;

/** The paper's nine colors (section 1.1), and white. The order decides ties. */
public enum FashionColor {
    RED,
    ORANGE,
    YELLOW,
    GREEN,
    CYAN,
    BLUE,
    PURPLE,
    BLACK,
    GRAY,
    /** The paper's nine lack it; only {@link DominantColor.Palette#TEN} has it. */
    WHITE;

    /** The word that prompts have for it, such as {@code red}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
