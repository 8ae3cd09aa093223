package org.rafclip.data.text;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

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

    /**
     * The color that a catalogue's words name, such as blue for {@code Navy blue} and black for {@code black/white}: the
     * last word that is one in the first of the parts that {@code / , & + ;} and {@code |} divide. Empty where there is
     * none, as in {@code beige}.
     */
    public static Optional<FashionColor> named(String words) {
        String first = words.toLowerCase(Locale.ROOT).strip().split("[/,&+;|\u0001]", 2)[0];
        return Arrays.stream(first.split("[^a-z]+"))
                .map(word -> word.equals("grey") ? "gray" : word)
                .flatMap(word ->
                        Arrays.stream(values()).filter(color -> color.word().equals(word)))
                .reduce((earlier, later) -> later);
    }
}
