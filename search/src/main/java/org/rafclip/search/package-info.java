/**
 * Clothes recognised, found and refined, for programs: {@link org.rafclip.search.FashionModel} embeds, recognises and
 * composes.
 */
package org.rafclip.search;
