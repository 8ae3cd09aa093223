package org.rafclip.agcn.search;

/**
 * An image of an answer.
 *
 * @param id of the image
 * @param score cosine of query and image
 */
public record Hit(String id, double score) {}
