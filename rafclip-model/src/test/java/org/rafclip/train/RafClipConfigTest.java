package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.RafLossConfig.Sentence;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;

class RafClipConfigTest {

    private static RafClipConfig config(String... overrides) {
        return TinyRun.config(Path.of("data"), Path.of("run"), overrides);
    }

    @Test
    void aFileThatSaysNothingOfPromptsCaptionsAndSentencesHasThePapers() {
        RafClipConfig config = config();

        assertThat(config.prompts()).isEqualTo(Prompts.PAPER);
        assertThat(config.loss().captions()).isZero();
        assertThat(config.loss().withSentences()).isFalse();
        assertThat(config.train().continued()).isEmpty();
    }

    @Test
    void aTemplateMayStandAloneAndTheOtherFormsKeepTheirs() {
        RafClipConfig config = config("prompts.attribute='{category} made of {attribute}'");

        assertThat(config.prompts())
                .isEqualTo(new Prompts(
                        Prompts.PAPER.category(),
                        List.of("{category} made of {attribute}"),
                        Prompts.PAPER.retrieval()));
        assertThat(Configs.parse(Configs.toYaml(config), "written.yaml", List.of(), RafClipConfig.class))
                .isEqualTo(config);
    }

    @Test
    void unknownPlaceholdersAndSharesBeyondOneAreRefusedByTheirKey() {
        assertThatThrownBy(() -> config("prompts.category='a {size} {category}'"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("prompts.category: 'a {size} {category}' has the unknown placeholder {size}");
        assertThatThrownBy(() -> config("loss.captions=1.5"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("captions lies in [0, 1]: 1.5");
        assertThatThrownBy(() -> config("train.metric=recall-at-50"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("recall-at-50 is of another kind of model");
    }

    @Test
    void weightsBesideAnotherModelAreRefusedWithTheKeyThatTakesItAway() {
        assertThatThrownBy(() -> config("model.weights=models/b"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("not 2: model.clip=null takes one away");
        assertThat(config("model.weights=models/b", "model.clip=null").model().weights())
                .isEqualTo(Path.of("models/b"));
    }

    @Test
    void sentencesAreASectionOfTheLossThatIsWrittenBackAsItWasRead() {
        RafClipConfig config = config("loss.sentence={weight: 0.5, image: both}");

        assertThat(config.loss().sentence()).isEqualTo(new Sentence(0.5, Sentence.Image.BOTH));
        assertThat(Configs.parse(Configs.toYaml(config), "written.yaml", List.of(), RafClipConfig.class))
                .isEqualTo(config);
        assertThat(config("loss.sentence.weight=2").loss().sentence())
                .isEqualTo(new Sentence(2, Sentence.Image.REGION));
    }

    @Test
    void ofBothBranchesOnlyThoseTakePartThatAnImageHasATextIn() {
        assertThat(config("loss.alpha=1").loss().withCrops()).isFalse();
        assertThat(config("loss.alpha=1", "loss.sentence.weight=1").loss().withCrops())
                .isFalse();
        assertThat(config("loss.alpha=1", "loss.sentence={weight: 1, image: crop}")
                        .loss()
                        .withCrops())
                .isTrue();
    }

    @Test
    void whatSentencesCannotBeIsRefusedByItsKey() {
        assertThatThrownBy(() -> config("loss.sentence.weight=-0.5"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("loss.sentence")
                .hasMessageContaining("weight is at least 0: -0.5");
        assertThatThrownBy(() -> config("loss.sentence.image=mask"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("loss.sentence.image")
                .hasMessageContaining("crop, region, both");
        assertThatThrownBy(() -> config("loss.sentence.wieght=1"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("weight");
        assertThatThrownBy(() -> config("loss.captions=1", "loss.sentence.weight=0.5"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("sentence.weight is 0.5, but captions: 1 leaves nothing");
    }

    @Test
    void thePlainClipConfigurationTakesCaptionsAlone() {
        RafClipConfig config = Configs.load(
                Path.of("../experiments/configs/clip-captions.yaml"),
                List.of("data.dir=data", "output.dir=run"),
                RafClipConfig.class);

        assertThat(config.loss().withCategories()).isFalse();
        assertThat(config.loss().withRegions()).isFalse();
        assertThat(config.train().metric()).isEqualTo(TrainConfig.Metric.RECALL_AT_10);
    }
}
