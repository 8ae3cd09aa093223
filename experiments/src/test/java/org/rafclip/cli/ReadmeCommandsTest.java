package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.Progress;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.ops.JavaOps;

/**
 * The README's commands for photos of one's own, in a folder with some photos and a table of them: as they stand, but that
 * training is short.
 */
class ReadmeCommandsTest {

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final String SECTION = "## With photos of your own";
    private static final int PHOTOS = 240;

    @TempDir
    private Path dir;

    @Test
    void theyWorkOneAfterTheOther() throws IOException, InterruptedException {
        makePhotos();
        Files.createSymbolicLink(dir.resolve("experiments"), ROOT.resolve("experiments"));
        List<String> commands = commands();
        assertThat(commands).hasSizeGreaterThan(5);
        for (String command : commands) {
            String[] words = ExamplesTest.words(command.substring(Examples.COMMAND.length()));
            if (words[0].equals("serve")) {
                serve(words);
            } else {
                Process process = start(
                        words[0].equals("train")
                                ? Stream.concat(Stream.of(words), Stream.of("train.epochs=2"))
                                        .toArray(String[]::new)
                                : words);
                String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertThat(process.waitFor()).as(command + "\n" + said).isZero();
            }
        }
        assertThat(dir.resolve("seen.html")).isNotEmptyFile();
    }

    private void makePhotos() throws IOException, InterruptedException {
        JavaOps.install();
        Path drawn = dir.resolve("drawn");
        DrawnData.write(drawn, new DrawnData.Drawing(PHOTOS, 80, 3), 2, Progress.NONE);
        Path photos = Files.createDirectory(dir.resolve("photos"));
        String table = Files.readString(drawn.resolve(DrawnData.TABLE));
        for (int i = 1; i <= PHOTOS; i++) {
            String name = String.format("img/%05d.jpg", i);
            Files.copy(drawn.resolve(name), photos.resolve(i + ".jpg"));
            table = table.replace(name, "photos/" + i + ".jpg");
        }
        Files.writeString(dir.resolve("photos.csv"), table);
    }

    private static List<String> commands() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String section = readme.substring(readme.indexOf(SECTION));
        section = section.substring(0, section.indexOf("\n## ", SECTION.length()));
        List<String> commands = new ArrayList<>();
        Matcher lines = Pattern.compile("(?m)^\\./rafclip .*$").matcher(section);
        while (lines.find()) {
            commands.add(lines.group());
        }
        return commands;
    }

    private Process start(String... words) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-Xmx768m",
                "-Dorg.bytedeco.javacpp.maxbytes=3g",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=5g",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Main.class.getName()));
        line.addAll(List.of(words));
        return new ProcessBuilder(line)
                .directory(dir.toFile())
                .redirectErrorStream(true)
                .start();
    }

    /** At another port than the README's, where something else may be served. */
    private void serve(String... words) throws IOException, InterruptedException {
        List<String> more = new ArrayList<>(List.of(words));
        more.addAll(List.of("--port", "0"));
        Process server = start(more.toArray(String[]::new));
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8))) {
            String said = "";
            String address = null;
            for (String line = lines.readLine(); line != null && address == null; line = lines.readLine()) {
                said += line + "\n";
                Matcher found = Pattern.compile("http://127.0.0.1:\\d+").matcher(line);
                address = found.find() ? found.group() : null;
                if (address != null) {
                    break;
                }
            }
            assertThat(address).as(said).isNotNull();
            HttpRequest question =
                    HttpRequest.newBuilder(URI.create(address + "/api/index")).build();
            assertThat(HttpClient.newHttpClient()
                            .send(question, BodyHandlers.ofString())
                            .body())
                    .contains("\"photos\":" + PHOTOS);
        } finally {
            server.destroy();
            assertThat(server.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
    }
}
