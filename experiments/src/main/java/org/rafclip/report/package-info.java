/**
 * Results as pages for people: {@link org.rafclip.report.Report} reads a training run, a folder of runs or a suite's output
 * and writes one HTML file that needs nothing beside it, and the same as Markdown.
 *
 * <p>What a page says is a {@link org.rafclip.report.Page}, a tree of records; how it looks is the business of
 * {@link org.rafclip.report.HtmlWriter} and {@link org.rafclip.report.MarkdownWriter}, which show every block of it.
 */
package org.rafclip.report;
