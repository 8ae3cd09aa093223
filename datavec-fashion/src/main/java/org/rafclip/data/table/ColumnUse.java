package org.rafclip.data.table;

/**
 * What a table's column became.
 *
 * @param name of the column
 * @param role what it is read as
 * @param filled rows that have something there
 * @param different cells that differ from each other; -1 where there are too many to have been counted
 * @param note why it was not taken, or what is odd about it; empty where nothing is
 */
public record ColumnUse(String name, Role role, int filled, int different, String note) {

    /** What columns are read as. */
    public enum Role {
        IMAGE("image"),
        X("x"),
        Y("y"),
        WIDTH("width"),
        HEIGHT("height"),
        CATEGORY("category"),
        COLOR("color"),
        SPLIT("split"),
        ID("id"),
        /** Texts of an item; there may be several such columns. */
        CAPTION("caption"),
        /** An attribute group. */
        GROUP("attribute group"),
        NOT_TAKEN("not taken");

        private final String word;

        Role(String word) {
            this.word = word;
        }

        /** The usual name of such a column. */
        public String word() {
            return word;
        }
    }
}
