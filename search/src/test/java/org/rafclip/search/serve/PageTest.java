package org.rafclip.search.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebDriverException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LoggingPreferences;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.ops.JavaOps;
import org.rafclip.search.Pictures;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexUpdate;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.query.Searcher;

/**
 * The page in Chromium, on a served index of drawn garments: each of four colors as each of three categories with long and
 * short sleeves, twice. Skipped where there is no Chromium.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@EnabledIf(
        value = "hasChromium",
        disabledReason = "the page is not tested: no chromium and chromedriver in PATH; Debian has both as packages")
class PageTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int GARMENTS = 48;

    /** Says that Selenium does not know this Chromium's protocol for events, of which none is used here. */
    private static final Logger VERSIONS = Logger.getLogger("org.openqa.selenium.devtools.CdpVersionFinder");

    private static final Box GARMENT = new Box(30, 20, 89, 129);

    /** Cosine of "red dress" and a red dress, whose sleeves count 0.3: 2 / (sqrt(2) sqrt(2.09)). */
    private static final String SCORE = "0.978";

    @TempDir
    private static Path temporary;

    private LuceneIndex index;
    private SearchServer server;
    private ChromeDriver browser;

    /** Resources that a test makes fail, whose failures Chromium tells on its console. */
    private String expectedOnConsole = "";

    @BeforeAll
    void start() throws IOException {
        JavaOps.install();
        index = index();
        server = SearchServer.start(new Searcher(new ColorModel(), index), SearchServer.Settings.local("drawn", 0));
        browser = browser(chromium().orElseThrow(), chromedriver().orElseThrow());
    }

    static boolean hasChromium() {
        return chromium().isPresent() && chromedriver().isPresent();
    }

    private static Optional<Path> chromium() {
        return program("chromium", "chromium-browser", "google-chrome");
    }

    private static Optional<Path> chromedriver() {
        return program("chromedriver");
    }

    private static Optional<Path> program(String... names) {
        return Stream.of(names)
                .flatMap(name -> Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .map(folder -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static LuceneIndex index() throws IOException {
        Path photos = Files.createDirectories(temporary.resolve("photos"));
        Path folder = temporary.resolve("index");
        IndexInfo info = new IndexInfo(
                "colors",
                new ColorModel().hash(),
                temporary,
                null,
                ColorModel.WIDTH,
                Images.CROPS,
                false,
                photos,
                false,
                0,
                Instant.EPOCH);
        try (IndexUpdate update = IndexUpdate.open(folder, info, Optional.empty(), Clock.systemUTC())) {
            int n = 0;
            for (String color : ColorModel.COLORS) {
                for (String category : ColorModel.CATEGORIES) {
                    for (String sleeve : ColorModel.SLEEVES) {
                        for (int copy = 0; copy < 2; copy++) {
                            update.put(entry(photos, n++, color, category, sleeve));
                        }
                    }
                }
            }
            update.commit();
        }
        return LuceneIndex.open(folder);
    }

    /** Black shirts are of lace, everything else of cotton. */
    private static Entry entry(Path photos, int n, String color, String category, String sleeve) throws IOException {
        String file = "%02d.png".formatted(n);
        paint(photos.resolve(file), color, color);
        boolean lace = color.equals("black") && category.equals("shirt");
        return new Entry(
                "garment/" + n,
                file,
                "%064d".formatted(n),
                Optional.of(GARMENT),
                Map.of(
                        Entry.COLOR,
                        List.of(color),
                        Entry.CATEGORY,
                        List.of(category),
                        "sleeve length",
                        List.of(sleeve),
                        "fabric",
                        List.of(lace ? "lace" : "cotton")),
                ColorModel.vector(color + " " + category + " " + sleeve, 1, 1, 0.3),
                Pictures.jpeg(new ImageReader().read(photos.resolve(file)), 320));
    }

    /** A garment with a left and a right half. */
    private static Path paint(Path file, String left, String right) throws IOException {
        BufferedImage image = new BufferedImage(120, 150, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(new Color(235, 232, 225));
        graphics.fillRect(0, 0, 120, 150);
        graphics.setColor(color(left));
        graphics.fillRect(30, 20, 30, 110);
        graphics.setColor(color(right));
        graphics.fillRect(60, 20, 30, 110);
        graphics.dispose();
        ImageIO.write(image, "png", file.toFile());
        return file;
    }

    private static Color color(String name) {
        return switch (name) {
            case "red" -> new Color(200, 20, 30);
            case "green" -> new Color(20, 160, 40);
            case "blue" -> new Color(30, 40, 190);
            default -> new Color(20, 20, 20);
        };
    }

    private static ChromeDriver browser(Path chromium, Path chromedriver) {
        VERSIONS.setLevel(Level.SEVERE);
        LoggingPreferences console = new LoggingPreferences();
        console.enable("browser", Level.ALL);
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium.toString());
        options.setCapability("goog:loggingPrefs", console);
        options.addArguments(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + temporary.resolve("profile"));
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(chromedriver.toFile())
                .usingAnyFreePort()
                .build();
        return new ChromeDriver(service, options);
    }

    @AfterAll
    void stop() {
        if (browser != null) {
            browser.quit();
        }
        if (server != null) {
            server.close();
        }
        if (index != null) {
            index.close();
        }
    }

    @BeforeEach
    void desktop() {
        expectedOnConsole = "";
        screen(1280, false);
        theme("light");
        browser.get("about:blank");
        console();
    }

    @AfterEach
    void nothingIsAmissOnTheConsole() {
        assertThat(console())
                .filteredOn(line -> expectedOnConsole.isEmpty() || !line.contains(expectedOnConsole))
                .isEmpty();
    }

    private List<String> console() {
        return browser.manage().logs().get("browser").getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                .map(LogEntry::getMessage)
                .toList();
    }

    /* ---- finding ---- */

    @Test
    void wordsFindGarmentsWithScoresAndReasonsAndScrollingLoadsTheRest() {
        open("");
        type("words", "red dress", Keys.ENTER);
        waitFor(() -> cards().size() == 24);

        assertThat(names().subList(0, 4)).allMatch(name -> name.contains("Red dress"));
        assertThat(names().get(4)).doesNotContain("Red dress");
        WebElement first = cards().get(0);
        assertThat(first.findElement(By.className("score")).getText()).isEqualTo(SCORE);
        assertThat(texts(first, ".why"))
                .allMatch(why -> why.contains("red") || why.contains("dress"))
                .hasSize(2);
        assertThat(text("results")).startsWith(GARMENTS + " garments");
        assertThat(text("how")).startsWith("Compared with: text");
        assertThat(browser.getCurrentUrl()).endsWith("#words=red+dress");
        assertThat(browser.getTitle()).startsWith("red dress");

        browser.executeScript("window.scrollTo(0, document.body.scrollHeight)");
        waitFor(() -> cards().size() == GARMENTS);
        assertThat(texts(".card-photo[aria-label^='" + GARMENTS + ".']")).hasSize(1);
    }

    @Test
    void aFacetNarrowsAndKeepsItsOtherWordsInReach() {
        open("#words=dress");
        waitFor(() -> cards().size() == 24);
        click("#facets input[data-word=red]");
        waitFor(() -> text("results").startsWith("12 of " + GARMENTS));

        assertThat(names()).hasSize(12).allMatch(name -> name.contains("Red"));
        assertThat(facetCount("blue")).isEqualTo("12");
        assertThat(facetCount("dress")).isEqualTo("4");
        assertThat(browser.getCurrentUrl()).contains("only.color=red");

        click("#active .filter-chip");
        waitFor(() -> text("results").startsWith(GARMENTS + " garments"));
        assertThat(find("#facets input[data-word=red]").isSelected()).isFalse();
    }

    @Test
    void aChangeIsComposedIntoACrumbAndUndone() {
        open("");
        type("words", "red dress", Keys.ENTER);
        waitFor(() -> cards().size() == 24);
        new Actions(browser).moveToElement(cards().get(0)).perform();
        cards().get(0).findElement(By.cssSelector("[data-act=change]")).click();
        assertThat(find("#but").isDisplayed()).isTrue();
        type("words", "blue dress", Keys.ENTER);
        waitFor(() -> names().get(0).contains("Blue dress"));

        assertThat(texts(".crumb")).containsExactly("red dress", "but blue dress");
        assertThat(text("how")).contains("Composed by: AGCN", "photo 0.60", "words 0.40");

        click("#undo");
        waitFor(() -> names().get(0).contains("Red dress"));
        assertThat(texts(".crumb")).containsExactly("red dress");
        assertThat(find("#words").getDomProperty("value")).isEqualTo("red dress");
        click("#undo");
        waitFor(() -> find("#start").isDisplayed());
    }

    @Test
    void photosAndWordsHaveWeights() {
        open("#words=dress");
        waitFor(() -> cards().size() == 24);
        String liked = cards().get(0).getDomAttribute("data-id");
        act(0, "like");
        waitFor(() -> texts(".chip").size() == 2);
        waitFor(() -> cards().stream().noneMatch(card -> liked.equals(card.getDomAttribute("data-id"))));
        assertThat(text("how")).contains("weighted sum of 1 photo and 1 text");

        String disliked = cards().get(0).getDomAttribute("data-id");
        act(0, "unlike");
        waitFor(() -> texts(".chip").size() == 3);
        assertThat(texts(".chip-weight")).containsExactly("+1", "+1", "−1");
        click(".chip:nth-child(1) [data-act=more]");
        waitFor(() -> texts(".chip-weight").get(0).equals("+2"));
        assertThat(browser.getCurrentUrl())
                .contains(
                        "words=dress&weight=2", "photo=" + encoded(liked), "photo=" + encoded(disliked) + "&weight=-1");
        assertThat(texts(".crumb")).hasSize(3);

        click(".chip:nth-child(3) [data-act=remove]");
        waitFor(() -> texts(".chip").size() == 2);
    }

    /* ---- links ---- */

    @Test
    void aLinkRestoresTheQuestionItsPathAndItsFilters() {
        // Sixteen are dresses, of which the reference is no answer.
        open("#words=red+dress&then=&photo=garment%2F0&change=blue&only.category=dress");
        waitFor(() -> text("results").startsWith("15 of " + GARMENTS));

        assertThat(names().subList(0, 4)).allMatch(name -> name.contains("Blue dress"));
        assertThat(texts(".crumb")).containsExactly("red dress", "but blue");
        assertThat(find("#facets input[data-word=dress]").isSelected()).isTrue();
        assertThat(find("#words").getDomProperty("value")).isEqualTo("blue");
        waitFor(() -> find(".crumb[aria-current]").getDomAttribute("aria-label").startsWith("Red dress"));
        assertThat(find(".chip").getDomAttribute("aria-label")).startsWith("Red dress");
    }

    @Test
    void aLinkToAnUploadThatIsGoneSaysSo() {
        expectedOnConsole = "upload%3A";
        open("#photo=upload:0123&words=red");
        waitFor(() -> find("#notice").isDisplayed());
        assertThat(text("notice")).contains("The uploaded photo is not here any more", "Choose the photo again");
        expectedOnConsole = "404";

        browser.findElements(By.cssSelector("#notice button")).get(1).click();
        waitFor(() -> cards().size() == 24);
        assertThat(names().get(0)).contains("Red");
    }

    /* ---- photos ---- */

    @Test
    void aBoxOnAnUploadIsRecognisedAndSearchedWith() throws IOException {
        Path file = paint(temporary.resolve("upload.png"), "green", "blue");
        open("");
        find("#file").sendKeys(file.toString());
        waitFor(() -> find("#photo-sheet").isDisplayed());
        WebElement stage = find(".stage");
        waitFor(() -> stage.getSize().height > 100);
        int width = stage.getSize().width;
        int height = stage.getSize().height;
        new Actions(browser)
                .moveToElement(stage, width / 40, -height / 3)
                .clickAndHold()
                .moveByOffset(width / 5, height / 2)
                .release()
                .perform();
        assertThat(find(".frame").isDisplayed()).isTrue();

        type("asked-words", "red, blue", Keys.ENTER);
        waitFor(() -> !texts(".group").isEmpty());
        WebElement words = find(".group[aria-label='Your words']");
        assertThat(texts(words, ".group-word")).containsExactly("blue", "red");
        assertThat(texts(words, ".group-value")).containsExactly("90 %", "5 %");
        assertThat(texts(".frame-tag span")).containsExactly("blue");

        click("#similar");
        waitFor(() -> cards().size() == 24);
        assertThat(names().subList(0, 12)).allMatch(name -> name.contains("Blue"));
        assertThat(browser.getCurrentUrl()).contains("photo=upload%3A", "&box=");
        assertThat(texts(".crumb")).containsExactly("similar");

        browser.navigate().refresh();
        waitFor(() -> cards().size() == 24);
        assertThat(names().get(0)).contains("Blue");
    }

    @Test
    void severalPhotosAreAddedUp() throws IOException {
        Path red = paint(temporary.resolve("red.png"), "red", "red");
        Path blue = paint(temporary.resolve("blue.png"), "blue", "blue");
        open("#words=dress");
        waitFor(() -> cards().size() == 24);
        find("#file").sendKeys(red + "\n" + blue);
        waitFor(() -> texts(".chip").size() == 3);
        waitFor(() -> text("how").contains("weighted sum of 2 photos and 1 text"));
        assertThat(names().subList(0, 8)).allMatch(name -> name.contains("Red dress") || name.contains("Blue dress"));
    }

    @Test
    void whatIsNoPhotoIsRefusedInWords() throws IOException {
        Path file = Files.writeString(temporary.resolve("broken.png"), "no photo");
        expectedOnConsole = "api/uploads";
        open("");
        find("#file").sendKeys(file.toString());
        waitFor(() -> text("toast").contains("The photo was not taken"));
        find("#file")
                .sendKeys(Files.writeString(temporary.resolve("notes.txt"), "text")
                        .toString());
        waitFor(() -> text("toast").contains("notes.txt"));
        assertThat(find("#photo-sheet").isDisplayed()).isFalse();
    }

    /* ---- keys ---- */

    @Test
    void keysAreEnough() {
        open("");
        waitFor(() -> find("#start").isDisplayed());
        keys("/");
        keys("red dress", Keys.ENTER);
        waitFor(() -> cards().size() == 24);
        for (int i = 0; i < 80 && !focused("card-photo"); i++) {
            keys(Keys.TAB);
        }
        assertThat(focused("card-photo")).isTrue();

        keys(Keys.ARROW_RIGHT);
        keys(Keys.ENTER);
        waitFor(() -> find("#photo-sheet").isDisplayed());
        for (int i = 0; i < 80 && !focused("frame"); i++) {
            keys(Keys.TAB);
        }
        String before = find(".frame").getDomAttribute("aria-label");
        keys(Keys.chord(Keys.SHIFT, Keys.ARROW_LEFT));
        assertThat(find(".frame").getDomAttribute("aria-label")).isNotEqualTo(before);
        keys(Keys.ESCAPE);
        waitFor(() -> !find("#photo-sheet").isDisplayed());
        assertThat(browser.switchTo().activeElement().getDomAttribute("aria-label"))
                .startsWith("2.");

        keys("c");
        keys("green", Keys.ENTER);
        waitFor(() -> names().get(0).contains("Green"));
        assertThat(texts(".crumb")).hasSize(2);
    }

    /* ---- when there is nothing ---- */

    @Test
    void whereFiltersLeaveNothingItSaysWhatToLoosen() {
        open("#words=dress&only.color=red&only.fabric=lace");
        waitFor(() -> find("#notice").isDisplayed());
        assertThat(text("notice"))
                .contains("Any color instead of red · up to 4", "Any fabric instead of lace · up to 12");

        click("#notice button");
        waitFor(() -> text("results").startsWith("4 of " + GARMENTS));
    }

    @Test
    void aBusyServerIsAskedAgainByItself() {
        searchesAnsweredBy("""
                (search) => {
                  const first = !window.refused;
                  window.refused = true;
                  const body = JSON.stringify({ error: 'all are at work', field: null });
                  return first ? Promise.resolve(new Response(body, { status: 503, headers: { 'Retry-After': '2' } })) : search();
                }
                """, () -> {
            open("#words=dress");
            waitFor(() -> find("#notice").isDisplayed());
            assertThat(text("notice")).contains("The server is busy", "Trying again in");
            waitFor(() -> cards().size() == 24);
            assertThat(find("#notice").isDisplayed()).isFalse();
        });
    }

    @Test
    void aSlowAnswerCanBeCancelled() {
        searchesAnsweredBy("""
                (search, signal) => new Promise((done, fail) => signal.addEventListener('abort', () => fail(signal.reason)))
                """, () -> {
            open("#words=dress");
            waitFor(() -> !texts(".bones").isEmpty());
            waitFor(() -> text("how").contains("Still looking"));
            click("#how button");
            waitFor(() -> text("more").contains("Cancelled"));
            assertThat(texts(".bones")).isEmpty();
        });
    }

    /** Does something while a function of the page answers searches instead of the server. */
    private void searchesAnsweredBy(String function, Runnable test) {
        String script = "const real = window.fetch; const answer = " + function.strip() + ";"
                + "window.fetch = (path, options) => path === 'api/search'"
                + " ? answer(() => real(path, options), options.signal) : real(path, options);";
        Map<String, Object> added =
                browser.executeCdpCommand("Page.addScriptToEvaluateOnNewDocument", Map.of("source", script));
        try {
            test.run();
        } finally {
            browser.executeCdpCommand("Page.removeScriptToEvaluateOnNewDocument", added);
        }
    }

    @Test
    void aServerThatIsAwayIsWaitedFor() {
        expectedOnConsole = "ERR_INTERNET_DISCONNECTED";
        open("#words=dress");
        waitFor(() -> cards().size() == 24);
        offline(true);
        try {
            type("words", "red", Keys.ENTER);
            waitFor(() -> find("#notice").isDisplayed());
            assertThat(text("notice")).contains("The server cannot be reached");
        } finally {
            offline(false);
        }
        waitFor(() -> cards().size() == 24);
        assertThat(names().get(0)).contains("Red");
    }

    private void offline(boolean away) {
        browser.executeCdpCommand("Network.enable", Map.of());
        browser.executeCdpCommand(
                "Network.emulateNetworkConditions",
                Map.of("offline", away, "latency", 0, "downloadThroughput", -1, "uploadThroughput", -1));
    }

    /* ---- for everybody ---- */

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void axeFindsNothingSerious(String theme) {
        theme(theme);
        // Themes differ in colors alone.
        String rules = theme.equals("light") ? "" : "runOnly: ['color-contrast'], ";
        String composed = "#words=dress&only.color=red&then=&photo=garment%2F0&change=blue";
        List<String> others = List.of(
                "",
                "#words=dress&weight=2&photo=garment%2F9&weight=-1",
                "#words=dress&only.color=red&only.fabric=lace");
        for (int width : new int[] {1280, 390}) {
            screen(width, width < 800);
            for (String state : width == 1280 ? others : List.of(composed)) {
                show(state);
                assertThat(violations(rules))
                        .as(theme + " " + width + " " + state)
                        .isEmpty();
            }
            show("#words=dress");
            browser.executeScript("document.querySelector('.card-photo').click()");
            type("asked-words", "red", Keys.ENTER);
            waitFor(() -> !texts(".group").isEmpty());
            assertThat(violations(rules)).as(theme + " " + width + " photo").isEmpty();
        }
    }

    /** Violations that keep somebody out or make it hard. */
    private List<String> violations(String rules) {
        browser.executeScript(axe());
        Object found = browser.executeAsyncScript("""
                const done = arguments[arguments.length - 1];
                axe.run({ %sresultTypes: ['violations'] }).then((r) => done(r.violations
                    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
                    .map((v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('; '))));
                """.formatted(rules));
        return ((List<?>) found).stream().map(String::valueOf).toList();
    }

    private static String axe() {
        try (InputStream in = PageTest.class.getResourceAsStream("/axe.min.js")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aPhoneShowsEverythingWithinItsWidth() {
        screen(390, true);
        for (String state : List.of(
                "",
                "#words=dress&only.color=red&hide=garment%2F5&then=&photo=garment%2F0&change=blue+and+without+any+sleeves+at+all",
                "#words=a+dress+for+long+summer+evenings&weight=2&photo=garment%2F9&weight=-1&photo=garment%2F3&photo=garment%2F8",
                "#words=dress&only.color=red&only.fabric=lace")) {
            show(state);
            assertThat(overflow()).as(state).isEmpty();
        }
        show("#words=dress");
        click("#open-filters");
        waitFor(() -> find("#filters-sheet").isDisplayed());
        click("#filters-sheet input[data-word=blue]");
        waitFor(() -> text("filters-done").equals("Show 12 garments"));
        assertThat(overflow()).isEmpty();
        click("#filters-done");
        waitFor(() -> text("results").startsWith("12 of " + GARMENTS));
        cards().get(0).findElement(By.className("card-photo")).click();
        waitFor(() -> find("#photo-sheet").isDisplayed());
        assertThat(overflow()).isEmpty();
    }

    /** What sticks out of the screen and cannot be scrolled to inside of something. */
    private List<String> overflow() {
        Object found = browser.executeScript("""
                const inScroller = (e) => e && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX) || inScroller(e.parentElement));
                const out = [...document.querySelectorAll('body *')]
                    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5 && !inScroller(e.parentElement))
                    .map((e) => e.outerHTML.slice(0, 100));
                return document.documentElement.scrollWidth > innerWidth ? ['the page', ...out] : out;
                """);
        return ((List<?>) found).stream().map(String::valueOf).toList();
    }

    @Test
    void theThemeCanBeChosenAndIsRemembered() {
        open("");
        waitFor(() -> find("#start").isDisplayed());
        String light = background();
        click("#theme");
        assertThat(background()).isNotEqualTo(light);
        String chosen = background();
        browser.navigate().refresh();
        waitFor(() -> find("#start").isDisplayed());
        assertThat(background()).isEqualTo(chosen);
        browser.executeScript("localStorage.clear()");
    }

    private String background() {
        return find("body").getCssValue("background-color");
    }

    /* ---- the browser ---- */

    private void open(String fragment) {
        browser.get("about:blank");
        browser.get(server.address() + "/" + fragment);
    }

    /** Opens a state and waits until it is there. */
    private void show(String fragment) {
        open(fragment);
        waitFor(() -> find("#start").isDisplayed() || find("#notice").isDisplayed() || !cards().isEmpty());
        waitFor(
                () -> (Boolean)
                        browser.executeScript(
                                "return [...document.images].every((i) => i.complete || i.loading === 'lazy') && document.getAnimations().length === 0"));
    }

    private void screen(int width, boolean mobile) {
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 844, "deviceScaleFactor", 1, "mobile", mobile));
    }

    private void theme(String theme) {
        browser.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", theme))));
    }

    private WebElement find(String selector) {
        return browser.findElement(By.cssSelector(selector));
    }

    private String text(String id) {
        return find("#" + id).getText().replace('\n', ' ');
    }

    private void click(String selector) {
        find(selector).click();
    }

    private void type(String id, CharSequence... keys) {
        WebElement field = find("#" + id);
        field.clear();
        field.sendKeys(keys);
    }

    private void keys(CharSequence... keys) {
        new Actions(browser).sendKeys(String.join("", keys)).perform();
    }

    private void act(int card, String act) {
        browser.executeScript(
                "arguments[0].click()", cards().get(card).findElement(By.cssSelector("[data-act=" + act + "]")));
    }

    private boolean focused(String styleClass) {
        String classes = browser.switchTo().activeElement().getDomAttribute("class");
        return classes != null && List.of(classes.split(" ")).contains(styleClass);
    }

    private List<WebElement> cards() {
        return browser.findElements(By.className("card"));
    }

    private List<String> names() {
        return browser.findElements(By.className("card-photo")).stream()
                .map(photo -> photo.getDomAttribute("aria-label"))
                .toList();
    }

    private List<String> texts(String selector) {
        return browser.findElements(By.cssSelector(selector)).stream()
                .map(WebElement::getText)
                .toList();
    }

    private static List<String> texts(WebElement in, String selector) {
        return in.findElements(By.cssSelector(selector)).stream()
                .map(WebElement::getText)
                .toList();
    }

    private String facetCount(String word) {
        return find("#facets label:has(input[data-word=" + word + "]) .facet-count")
                .getText();
    }

    private static String encoded(String id) {
        return id.replace("/", "%2F");
    }

    /** Waits until something holds; a page that is changing meanwhile does not hold yet. */
    private static void waitFor(Callable<Boolean> condition) {
        Instant end = Instant.now().plus(PATIENCE);
        List<Exception> last = new ArrayList<>();
        while (Instant.now().isBefore(end)) {
            last.clear();
            try {
                if (condition.call()) {
                    return;
                }
                Thread.sleep(25);
            } catch (WebDriverException | IndexOutOfBoundsException e) {
                last.add(e);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        assertThat(last).as("what was waited for did not happen").isEmpty();
        throw new AssertionError("what was waited for did not happen");
    }
}
