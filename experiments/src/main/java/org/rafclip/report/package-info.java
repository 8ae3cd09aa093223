/**
 * Results as pages for people: {@link org.rafclip.report.Report} reads a training run, a folder of runs or a suite's output
 * and writes one HTML file that needs nothing beside it, and the same as Markdown; of several runs or suites, what tells
 * them apart.
 *
 * <p>What a page says is a {@link org.rafclip.report.Page}, a tree of records; how it looks is the business of
 * {@link org.rafclip.report.HtmlWriter} and {@link org.rafclip.report.MarkdownWriter}, which show every block of it.
 * {@link org.rafclip.report.TableReader} tells a table's rows apart by their names and notes; {@link
 * org.rafclip.report.Findings} puts what they come to into sentences and a chart, {@link org.rafclip.report.Side} what
 * several results differ in.
 */
package org.rafclip.report;
