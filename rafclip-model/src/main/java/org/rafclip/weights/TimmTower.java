package org.rafclip.weights;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.ops.kernel.Kernels.Activation;

/** timm's image towers in {@code vision_cfg} of OpenCLIP: SigLIP's and plain vision transformers, which their names describe. */
final class TimmTower {

    /** The key that makes OpenCLIP take a tower of timm's. */
    static final String NAME = "timm_model_name";

    private static final String POOL = "timm_pool";
    private static final String PROJECTION = "timm_proj";
    private static final String BIAS = "timm_proj_bias";
    private static final String SIZES = "timm_model_kwargs";

    private static final Set<String> KEYS = Set.of(NAME, POOL, PROJECTION, BIAS, SIZES, "image_size");

    private static final Map<String, Object> HARMLESS = OpenClipConfig.harmless(
            "timm_model_pretrained", null, "timm_drop", null, "timm_drop_path", null, "patch_dropout", null);

    /** SigLIP's image towers: size, pixels a side of a patch and of an image. */
    private static final Pattern SIGLIP = Pattern.compile("vit_(\\w+?)_patch(\\d+)_siglip_(\\d+)(\\..*)?");

    /** Those among them whose GELU is by tanh; timm gives the others the exact one, though SigLIP itself has none such. */
    private static final Pattern TANH =
            Pattern.compile("vit_(base_patch32|large_patch16_siglip_512|so400m_patch16|giantopt).*");

    private static final double EPS = 1e-6;

    /**
     * Plain vision transformers: size, pixels a side of a patch, which kind, pixels a side of an image. "clip" has a norm
     * before its blocks, as OpenAI's have; "gap" no class token.
     */
    private static final Pattern PLAIN =
            Pattern.compile("vit_([a-z]+)_patch(\\d+)_(clip_quickgelu_|clip_|gap_)?(\\d+)(\\..*)?");

    private static final String CLIP = "_clip_";
    private static final String QUICK = "_quickgelu_";

    /** timm's names of such towers, by which releases of OpenCLIP that do not know {@code timm_model_kwargs} find them. */
    private static final List<String> NAMES = List.of("""
                    vit_tiny_patch16_224 vit_tiny_patch16_384 vit_small_patch8_224 vit_small_patch16_224 vit_small_patch16_384
                    vit_small_patch32_224 vit_small_patch32_384 vit_base_patch8_224 vit_base_patch16_224 vit_base_patch16_384
                    vit_base_patch32_224 vit_base_patch32_384 vit_large_patch14_224 vit_large_patch16_224 vit_large_patch16_384
                    vit_large_patch32_224 vit_large_patch32_384 vit_huge_patch14_224 vit_giant_patch14_224 vit_gigantic_patch14_224
                    vit_base_patch16_gap_224 vit_huge_patch14_gap_224 vit_huge_patch16_gap_448 vit_giant_patch16_gap_224
                    vit_base_patch16_clip_224 vit_base_patch16_clip_384 vit_base_patch32_clip_224 vit_base_patch32_clip_256
                    vit_base_patch32_clip_384 vit_base_patch32_clip_448 vit_large_patch14_clip_224 vit_large_patch14_clip_336
                    vit_huge_patch14_clip_224 vit_huge_patch14_clip_336 vit_huge_patch14_clip_378 vit_giant_patch14_clip_224
                    vit_gigantic_patch14_clip_224 vit_gigantic_patch14_clip_378
                    vit_base_patch16_clip_quickgelu_224 vit_base_patch32_clip_quickgelu_224 vit_large_patch14_clip_quickgelu_224
                    vit_large_patch14_clip_quickgelu_336 vit_huge_patch14_clip_quickgelu_224 vit_huge_patch14_clip_quickgelu_378
                    vit_gigantic_patch14_clip_quickgelu_224
                    vit_base_patch16_siglip_224 vit_base_patch16_siglip_256 vit_base_patch16_siglip_384 vit_base_patch16_siglip_512
                    vit_base_patch32_siglip_256 vit_large_patch16_siglip_256 vit_large_patch16_siglip_384 vit_large_patch16_siglip_512
                    vit_so400m_patch14_siglip_224 vit_so400m_patch14_siglip_378 vit_so400m_patch16_siglip_256 vit_so400m_patch16_siglip_384
                    vit_so400m_patch16_siglip_512 vit_giantopt_patch16_siglip_256 vit_giantopt_patch16_siglip_384
                    """.split("\\s+"));

    private TimmTower() {}

    /** timm's own values, which {@code timm_model_kwargs} can change. */
    private record Size(int width, int layers, int heads, double mlpRatio) {

        static Optional<Size> siglip(String name) {
            return Optional.ofNullable(
                    switch (name) {
                        case "base" -> new Size(768, 12, 12, 4);
                        case "large" -> new Size(1024, 24, 16, 4);
                        case "so400m" -> new Size(1152, 27, 16, 3.7362);
                        case "giantopt" -> new Size(1536, 40, 16, 4);
                        default -> null;
                    });
        }

        /** @param name of a plain vision transformer, with its kind where that has sizes of its own */
        static Optional<Size> plain(String name) {
            return Optional.ofNullable(
                    switch (name.replaceFirst("_clip_(quickgelu_)?$", "")) {
                        case "tiny" -> new Size(192, 12, 3, 4);
                        case "small" -> new Size(384, 12, 6, 4);
                        case "base" -> new Size(768, 12, 12, 4);
                        case "large" -> new Size(1024, 24, 16, 4);
                        case "huge", "huge_gap_" -> new Size(1280, 32, 16, 4);
                        case "giant", "giant_gap_" -> new Size(1408, 40, 16, 48.0 / 11);
                        case "gigantic" -> new Size(1664, 48, 16, 64.0 / 13);
                        case "base_gap_" -> new Size(768, 12, 16, 4);
                        default -> null;
                    });
        }
    }

    /**
     * What a name says.
     *
     * @param kind {@value #SIGLIP_KIND}, that of a plain vision transformer, or empty for a plain one without
     */
    private record Named(Size size, int patchSize, String kind, int imageSize) {

        static final String SIGLIP_KIND = "siglip_";

        /** Empty where it is the name of another tower. */
        static Optional<Named> of(String name) {
            Matcher siglip = SIGLIP.matcher(name);
            if (siglip.matches()) {
                return Size.siglip(siglip.group(1))
                        .map(size -> new Named(
                                size,
                                Integer.parseInt(siglip.group(2)),
                                SIGLIP_KIND,
                                Integer.parseInt(siglip.group(3))));
            }
            Matcher plain = PLAIN.matcher(name);
            if (!plain.matches()) {
                return Optional.empty();
            }
            String kind = plain.group(3) == null ? "" : plain.group(3);
            return Size.plain(plain.group(1) + (kind.isEmpty() ? "" : "_" + kind))
                    .map(size ->
                            new Named(size, Integer.parseInt(plain.group(2)), kind, Integer.parseInt(plain.group(4))));
        }

        boolean hasSizesOf(ClipConfig.Vision vision) {
            return imageSize == vision.imageSize()
                    && patchSize == vision.patchSize()
                    && size.width() == vision.width()
                    && size.layers() == vision.layers()
                    && size.heads() == vision.heads()
                    && Math.floor(size.width() * size.mlpRatio()) == Math.round(vision.width() * vision.mlpRatio());
        }
    }

    static Activation activation(String name) {
        return name.contains(QUICK)
                ? Activation.QUICK_GELU
                : TANH.matcher(name).matches() ? Activation.GELU_TANH : Activation.GELU;
    }

    /** ε of its layer norms. */
    static double eps(String name) {
        return name.contains(CLIP) ? ClipConfig.LAYER_NORM_EPS : EPS;
    }

    /** @throws org.rafclip.data.DataException if it is another one, or read in another way; the message names the key */
    static ClipConfig.Vision read(Keys vision) {
        String name = vision.text(NAME, "");
        Named tower = Named.of(name)
                .orElseThrow(() -> vision.unlike(
                        NAME,
                        "of timm's towers SigLIP's can be read, vit_base_patch16_siglip_224 and its like of fixed"
                                + " resolution, and plain vision transformers, vit_base_patch16_224,"
                                + " vit_large_patch14_clip_224 and their like, without layer scale, registers or rotary"
                                + " positions"));
        Size size = tower.size();
        vision.requireOnly(KEYS, HARMLESS);
        Pooled pooled = tower.kind().equals(Named.SIGLIP_KIND) ? siglipPool(vision) : plainPool(vision, tower.kind());
        Keys changed = OpenClipConfig.child(vision, SIZES);
        changed.requireOnly(Set.of("embed_dim", "depth", "num_heads", "mlp_ratio", "img_size", "patch_size"), Map.of());
        int imageSize = vision.count("image_size", 224);
        if (changed.count("img_size", tower.imageSize()) != imageSize) {
            throw vision.unlike("image_size", "timm's tower takes " + tower.imageSize() + " pixels a side");
        }
        boolean preNorm = name.contains(CLIP);
        return ClipConfig.Vision.ofClip(
                        imageSize,
                        changed.count("patch_size", tower.patchSize()),
                        changed.count("embed_dim", size.width()),
                        changed.count("depth", size.layers()),
                        changed.count("num_heads", size.heads()),
                        changed.number("mlp_ratio", size.mlpRatio()))
                .withPool(pooled.pool())
                .withPatchBias(!preNorm)
                .withPreNorm(preNorm)
                .withProjection(pooled.projection())
                .withNormBeforeMean(pooled.normBeforeMean());
    }

    /** How a tower is read. */
    private record Pooled(Pool pool, Projection projection, boolean normBeforeMean) {}

    private static Pooled siglipPool(Keys vision) {
        if (!vision.text(POOL, "avg").equals("map")) {
            throw vision.unlike(POOL, "SigLIP's is map");
        }
        if (!vision.text(PROJECTION, "linear").equals("none")) {
            throw vision.unlike(PROJECTION, "SigLIP's is none");
        }
        return new Pooled(Pool.ATTENTION, Projection.NONE, false);
    }

    /** @param kind of the name */
    private static Pooled plainPool(Keys vision, String kind) {
        boolean withoutClassToken = "gap_".equals(kind);
        // A null of timm_proj stands for timm's own classifier, which is linear with a bias; without the key OpenCLIP
        // adds one.
        String proj = vision.json().path(PROJECTION).isNull() ? "" : vision.text(PROJECTION, "linear");
        boolean ofTrunk = proj.isEmpty() || proj.equals("none");
        Projection projection = switch (proj) {
            case "" -> Projection.LINEAR;
            case "linear" -> vision.flag(BIAS) ? Projection.LINEAR : Projection.MATRIX;
            case "none" -> Projection.NONE;
            default -> throw vision.unlike(PROJECTION, "linear, none and timm's own (null) can be read");
        };
        String pool = vision.json().path(POOL).isNull() ? "" : vision.text(POOL, "avg");
        return switch (pool.isEmpty() ? withoutClassToken ? "avg" : "token" : pool) {
            case "token" -> {
                if (withoutClassToken) {
                    throw vision.unlike(POOL, "this tower of timm's has no class token");
                }
                yield new Pooled(Pool.CLASS_TOKEN, projection, false);
            }
            // timm moves its norm behind the mean where the mean is asked for when the tower is made.
            case "avg" ->
                new Pooled(
                        withoutClassToken ? Pool.MEAN : Pool.MEAN_BESIDE_CLASS_TOKEN,
                        projection,
                        withoutClassToken || !ofTrunk);
            default -> throw vision.unlike(POOL, "token and avg can be read");
        };
    }

    /** Whether timm's own head projects images, not OpenCLIP's behind it. */
    static boolean projectsItself(ClipConfig.Vision vision) {
        return vision.projection() == Projection.LINEAR && !vision.normBeforeMean();
    }

    /** The setting of an image tower that timm has no such tower for, empty where it has one. */
    static Optional<String> unlike(ClipConfig config) {
        ClipConfig.Vision vision = config.vision();
        boolean mean = vision.pool() == Pool.MEAN || vision.pool() == Pool.MEAN_BESIDE_CLASS_TOKEN;
        String setting = null;
        if (!vision.stem().isEmpty()) {
            setting = "vision.stem: " + vision.stem() + ", convolutions before the patches";
        } else if (vision.patchBias() == vision.preNorm()) {
            setting = "vision.patch-bias: " + vision.patchBias() + " with vision.pre-norm: " + vision.preNorm();
        } else if (vision.preNorm() && (vision.pool() == Pool.MEAN || vision.pool() == Pool.ATTENTION)) {
            setting = "vision.pool: " + Unsayable.word(vision.pool()) + " with vision.pre-norm: true";
        } else if (vision.pool() == Pool.ATTENTION && vision.projection() != Projection.NONE
                || vision.projection() == Projection.MLP) {
            setting = "vision.projection: " + Unsayable.word(vision.projection()) + " with vision.pool: "
                    + Unsayable.word(vision.pool());
        } else if (mean && !canStandSo(vision)) {
            setting = "vision.norm-before-mean: " + vision.normBeforeMean() + " with vision.projection: "
                    + Unsayable.word(vision.projection()) + " and vision.pool: " + Unsayable.word(vision.pool());
        } else if (config.layerNormEps() != (vision.preNorm() ? ClipConfig.LAYER_NORM_EPS : EPS)) {
            setting = "layer-norm-eps: " + config.layerNormEps() + " of images";
        } else if (!hasActivation(config)) {
            setting = "activation: " + Unsayable.word(config.activation());
        }
        return Optional.ofNullable(setting);
    }

    /** Whether timm's norm stands there relative to the mean. */
    private static boolean canStandSo(ClipConfig.Vision vision) {
        boolean behindIt = !vision.normBeforeMean();
        boolean ofTrunk = vision.projection() == Projection.LINEAR || vision.projection() == Projection.NONE;
        return vision.pool() == Pool.MEAN ? !behindIt : behindIt ? ofTrunk : vision.projection() != Projection.NONE;
    }

    private static boolean hasActivation(ClipConfig config) {
        Activation other = config.vision().preNorm()
                ? Activation.QUICK_GELU
                : config.vision().pool() == Pool.ATTENTION ? Activation.GELU_TANH : Activation.GELU;
        return config.activation() == Activation.GELU || config.activation() == other;
    }

    /**
     * Describes an image tower that is not {@link #unlike}: by its name where timm has one for it, otherwise by that of another
     * of its kind, with sizes of its own.
     *
     * @param json {@code vision_cfg}
     */
    static void write(ClipConfig config, ObjectNode json) {
        ClipConfig.Vision vision = config.vision();
        String kind = kind(config);
        Optional<String> whole = NAMES.stream()
                .filter(name -> activation(name) == config.activation())
                .filter(name -> Named.of(name)
                        .filter(named -> named.kind().equals(kind) && named.hasSizesOf(vision))
                        .isPresent())
                .findFirst();
        boolean tanh = config.activation() == Activation.GELU_TANH;
        json.put("image_size", vision.imageSize())
                .put(NAME, whole.orElse(tanh ? "vit_base_patch32_siglip_256" : "vit_base_patch16_" + kind + "224"))
                .put("timm_model_pretrained", false)
                .put(
                        POOL,
                        switch (vision.pool()) {
                            case ATTENTION -> "map";
                            case CLASS_TOKEN -> "token";
                            default -> "avg";
                        });
        switch (vision.projection()) {
            case NONE -> json.put(PROJECTION, "none");
            case MATRIX -> json.put(PROJECTION, "linear");
            default -> {
                if (projectsItself(vision)) {
                    json.putNull(PROJECTION);
                } else {
                    json.put(PROJECTION, "linear").put(BIAS, true);
                }
            }
        }
        if (whole.isEmpty()) {
            json.putObject(SIZES)
                    .put("img_size", vision.imageSize())
                    .put("patch_size", vision.patchSize())
                    .put("embed_dim", vision.width())
                    .put("depth", vision.layers())
                    .put("num_heads", vision.heads())
                    .put("mlp_ratio", OpenClipConfig.mlpRatio(vision.width(), vision.mlpRatio()));
        }
    }

    private static String kind(ClipConfig config) {
        ClipConfig.Vision vision = config.vision();
        return switch (vision.pool()) {
            case ATTENTION -> Named.SIGLIP_KIND;
            case MEAN -> "gap_";
            default ->
                !vision.preNorm() ? "" : config.activation() == Activation.QUICK_GELU ? "clip_quickgelu_" : "clip_";
        };
    }
}
