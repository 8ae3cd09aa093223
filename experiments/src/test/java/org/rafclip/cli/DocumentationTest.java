package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** What is written about the program is true of it. */
class DocumentationTest {

    private static final Path ROOT = Path.of("..");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```[^\n]*\n(.*?)^```");

    /** What stands for a file or folder of the reader's. */
    private static final Set<String> PLACEHOLDERS = Set.of("...");

    @BeforeAll
    static void home() {
        System.setProperty("rafclip.home", ROOT.toString());
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(
                ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md"), ROOT.resolve("onnx/export/README.md")));
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    @Test
    void pagesOfTheProgramAreAsTheProgramIs() throws IOException {
        for (var page : DocumentCommand.pages().entrySet()) {
            assertThat(ROOT.resolve("docs").resolve(page.getKey()))
                    .as("./rafclip document brings it up to date")
                    .hasContent(page.getValue());
        }
        try (Stream<Path> files = Files.list(ROOT.resolve("docs/commands"))) {
            assertThat(files.map(file -> "commands/" + file.getFileName()))
                    .as("commands that there are no longer")
                    .isSubsetOf(DocumentCommand.pages().keySet());
        }
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<String> dead = new ArrayList<>();
        for (Path page : pages()) {
            Matcher links = LINK.matcher(BLOCK.matcher(Files.readString(page)).replaceAll(""));
            while (links.find()) {
                String link = links.group(1);
                if (link.startsWith("http")) {
                    continue;
                }
                String[] parts = link.split("#", 2);
                Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]);
                if (!Files.exists(target)
                        || parts.length == 2 && !anchors(target).contains(parts[1])) {
                    dead.add(page + ": " + link);
                }
            }
        }
        assertThat(dead).isEmpty();
    }

    /** As GitHub names headings. */
    private static Set<String> anchors(Path page) throws IOException {
        return Files.readAllLines(page).stream()
                .filter(line -> line.startsWith("#"))
                .map(line -> line.replaceFirst("^#+ ", "")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} _-]", "")
                        .replace(' ', '-'))
                .collect(Collectors.toSet());
    }

    @Test
    void commandsInPagesAreUnderstood() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Path page : pages()) {
            Matcher blocks = BLOCK.matcher(Files.readString(page));
            while (blocks.find()) {
                for (String command : blocks.group(1).replace("\\\n", " ").split("\n")) {
                    if (command.strip().startsWith(Examples.COMMAND)) {
                        understand(command.strip(), page, wrong);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    private static void understand(String command, Path page, List<String> wrong) {
        String[] words = ExamplesTest.words(command.replaceFirst("\\s+# .*", "").substring(Examples.COMMAND.length()));
        if (PLACEHOLDERS.contains(words[0])) {
            return;
        }
        try {
            Main.commandLine().parseArgs(words);
        } catch (CommandLine.ParameterException e) {
            wrong.add(page + ": " + command + ": " + e.getMessage());
        }
        for (String word : words) {
            if (word.startsWith("experiments/configs/") && !Files.exists(ROOT.resolve(word))) {
                wrong.add(page + ": " + command + ": there is no " + word);
            }
        }
    }

    @Test
    void theFirstDownloadIsAsLargeEverywhere() throws IOException {
        Matcher said = Pattern.compile("\\((\\d+) MB in all").matcher(Files.readString(ROOT.resolve("rafclip")));
        assertThat(said.find()).isTrue();
        Matcher written = Pattern.compile("(\\d+) MB on Linux x86-64(, once|\\. Only)")
                .matcher(Files.readString(ROOT.resolve("README.md")));
        int times = 0;
        while (written.find()) {
            assertThat(written.group(1)).isEqualTo(said.group(1));
            times++;
        }
        assertThat(times).isEqualTo(2);
    }
}
