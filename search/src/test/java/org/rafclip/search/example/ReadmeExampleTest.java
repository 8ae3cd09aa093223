package org.rafclip.search.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.search.SmallModel;

/** The README's program is the one that is compiled here, and it runs. */
class ReadmeExampleTest {

    @TempDir
    private Path dir;

    @Test
    void theReadmeShowsTheProgramThatIsCompiledHere() throws IOException {
        String readme = Files.readString(Path.of("..", "README.md"));
        String shown = readme.substring(readme.indexOf("```java\n") + "```java\n".length());
        String program = Files.readString(Path.of("src/test/java/org/rafclip/search/example/Wardrobe.java"));

        assertThat(shown.substring(0, shown.indexOf("```"))).isEqualTo(program.substring(program.indexOf("import ")));
    }

    @Test
    void itNamesAndFindsGarments() throws Exception {
        Path model = SmallModel.in(dir);
        DrawnPhotos.everyGroup(dir.resolve("data"), "train", 5, 1);
        PhotoSplit split = new PhotoSplits().split(dir.resolve("data"), "train");
        List<String> arguments = new ArrayList<>(List.of(model.toString()));
        split.items().forEach(item -> arguments.add(split.photo(item).toString()));
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream console = System.out;
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            Wardrobe.main(arguments.toArray(String[]::new));
        } finally {
            System.setOut(console);
        }
        List<String> lines = printed.toString(StandardCharsets.UTF_8).lines().toList();

        assertThat(lines).hasSize(6 + 1 + 2);
        assertThat(lines.get(0)).matches("texture: \\w+, 0\\.\\d\\d");
        assertThat(lines.get(6)).matches("words: (puff sleeve|cargo pocket), 0\\.\\d\\d");
        assertThat(lines.get(7)).matches("in words: \\[[0-4], [0-4], [0-4]]");
        assertThat(lines.get(8)).matches("sum of photo and text.*: \\[[0-4], [0-4], [0-4]]");
    }
}
