package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.rafclip.data.DataException;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;
import org.rafclip.photos.ModelPreparation;

/** Against what {@code src/test/python/write_preprocessing.py} makes with Pillow of the same descriptions. */
class PreprocessingTest {

    private static final int SIZE = 32;

    static Stream<Arguments> cases() throws IOException {
        try (InputStream in = PreprocessingTest.class.getResourceAsStream("preprocessing/cases.json")) {
            JsonNode cases = new ObjectMapper().readTree(in);
            return StreamSupport.stream(cases.spliterator(), false)
                    .map(item -> Arguments.of(
                            item.get("name").asText(),
                            item.get("photo").asText(),
                            item.get("config"),
                            item.get("middle")));
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("cases")
    void photosBecomeTheSamePixels(String name, String photo, JsonNode config, JsonNode middle) {
        String steps = steps(name.startsWith("openclip"), config);
        Preparation preparation = Preparation.parse(steps);

        assertThat(preparation.apply(Region.of(image(photo))).image().rgb())
                .as(steps)
                .isEqualTo(image(name + "-" + photo).rgb());
        float[] floats = preparation.toFloats(Region.of(image(photo)), null);
        for (int channel = 0; channel < 3; channel++) {
            assertThat((double) floats[channel * SIZE * SIZE + 16 * SIZE + 16])
                    .isCloseTo(middle.get(channel).asDouble(), within(1e-5));
        }
        new ModelPreparation(steps).require(SIZE);
    }

    @Test
    void aDescriptionWithoutAWordIsClips() throws IOException {
        assertThat(steps(true, new ObjectMapper().readTree("{}")))
                .isEqualTo("resize(32) | center-crop(32) | normalize(clip)")
                .isEqualTo(ModelPreparation.ofClip(32).steps());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "true  | {\"resize_mode\": \"crop\"}      | resize_mode is \"crop\": shortest, longest and squash",
                "true  | {\"interpolation\": \"nearest\"} | interpolation is \"nearest\": bicubic and bilinear",
                "true  | {\"mode\": \"L\"}                | mode is \"L\": photos are RGB",
                "true  | {\"size\": 64}                   | size is 64: the model takes 32",
                "true  | {\"std\": [1, 0, 1]}             | std is [1,0,1]: std must be above 0",
                "true  | {\"resize_mode\": \"longest\", \"fill_color\": 300} | fill_color is 300: ",
                "true  | {\"aug\": true}                  | aug is true: what it does to photos is not known",
                "false | {\"resample\": 0, \"size\": 32, \"crop_size\": 32} | resample is 0: 1 (lanczos)",
                "false | {\"do_rescale\": false}          | do_rescale is false",
                "false | {\"rescale_factor\": 1}          | rescale_factor is 1: ",
                "false | {\"crop_size\": 48, \"size\": 48} | crop_size is 48: the model takes 32",
                "false | {\"size\": {\"height\": 32, \"width\": 48}, \"do_center_crop\": false} | size is ",
                "false | {\"size\": {\"shortest_edge\": 32}, \"do_center_crop\": false} | do_center_crop is false",
                "false | {\"do_pad\": true}               | do_pad is true: what it does to photos",
                "false | {\"image_processor_type\": \"BlipImageProcessor\"} | image_processor_type is \"Blip"
            })
    void whatCannotBeFollowedIsNamed(boolean openClip, String config, String message) throws IOException {
        JsonNode json = new ObjectMapper().readTree(config);

        assertThatThrownBy(() -> steps(openClip, json))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("model.json: ", message, "--preparation");
    }

    private static String steps(boolean openClip, JsonNode config) {
        Keys keys = new Keys(config, "model.json", "");
        return openClip ? Preprocessing.ofOpenClip(keys, SIZE) : Preprocessing.ofHuggingFace(keys, SIZE);
    }

    private static RgbImage image(String name) {
        try {
            BufferedImage image = ImageIO.read(PreprocessingTest.class.getResource("preprocessing/" + name + ".png"));
            byte[] rgb = new byte[3 * image.getWidth() * image.getHeight()];
            for (int i = 0; i < rgb.length; i++) {
                int pixel = image.getRGB(i / 3 % image.getWidth(), i / 3 / image.getWidth());
                rgb[i] = (byte) (pixel >> 8 * (2 - i % 3));
            }
            return new RgbImage(image.getWidth(), image.getHeight(), rgb);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
