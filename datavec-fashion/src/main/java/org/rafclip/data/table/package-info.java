/**
 * Photos of one's own, listed in a table: {@link org.rafclip.data.table.PhotoTable} makes of its rows the same splits,
 * items and attribute groups that DeepFashion's annotation files give.
 */
package org.rafclip.data.table;
