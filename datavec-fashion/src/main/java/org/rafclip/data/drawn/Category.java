package org.rafclip.data.drawn;

import java.util.Locale;

/** The categories that are drawn, out of DeepFashion's fifty. */
public enum Category {
    TEE("Tee", Part.UPPER, "toptee"),
    TANK("Tank", Part.UPPER, "toptee"),
    BLOUSE("Blouse", Part.UPPER, "toptee"),
    BUTTON_DOWN("Button-Down", Part.UPPER, "shirt"),
    SWEATER("Sweater", Part.UPPER, "shirt"),
    HOODIE("Hoodie", Part.UPPER, "shirt"),
    CARDIGAN("Cardigan", Part.OUTER, ""),
    JACKET("Jacket", Part.OUTER, ""),
    BLAZER("Blazer", Part.OUTER, ""),
    COAT("Coat", Part.OUTER, ""),
    JEANS("Jeans", Part.LOWER, ""),
    JOGGERS("Joggers", Part.LOWER, ""),
    LEGGINGS("Leggings", Part.LOWER, ""),
    SHORTS("Shorts", Part.LOWER, ""),
    SKIRT("Skirt", Part.LOWER, ""),
    DRESS("Dress", Part.WHOLE, "dress"),
    JUMPSUIT("Jumpsuit", Part.WHOLE, "dress"),
    ROMPER("Romper", Part.WHOLE, "dress");

    /** Where on the body a garment is worn. */
    enum Part {
        UPPER,
        /** Worn over a garment of the upper part. */
        OUTER,
        LOWER,
        WHOLE
    }

    private final String listed;
    private final Part part;
    private final String fashionIq;

    Category(String listed, Part part, String fashionIq) {
        this.listed = listed;
        this.part = part;
        this.fashionIq = fashionIq;
    }

    /** The name in {@code list_category_cloth.txt}. */
    public String listed() {
        return listed;
    }

    /** FashionIQ's category, empty for what it does not have. */
    public String fashionIq() {
        return fashionIq;
    }

    Part part() {
        return part;
    }

    /** The word that prompts have for it, such as {@code button-down}. */
    public String word() {
        return listed.toLowerCase(Locale.ROOT);
    }
}
