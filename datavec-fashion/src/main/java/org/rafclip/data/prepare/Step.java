package org.rafclip.data.prepare;

import java.util.Optional;
import java.util.random.RandomGenerator;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.RgbImage;

/**
 * One named step of a {@link Preparation}, 8 bits in and 8 bits out. A record's components are the step's arguments in a
 * pipeline's text, by position or by name.
 */
public sealed interface Step {

    /** Pixels of an image that was padded at most: three bytes each. */
    long MAX_PADDED = 1 << 28;

    /**
     * Runs the step.
     *
     * @param region left as it is
     * @param random what a random step draws from; others do not touch it
     * @throws DataException if the step needs a box or a mask that the region does not have, or the box is not on the
     *     image
     */
    Region apply(Region region, RandomGenerator random);

    /** Whether the step draws random numbers. */
    default boolean random() {
        return false;
    }

    /** The image's size after the step as far as it follows from the size before, empty where it depends on the image. */
    default Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
        return before;
    }

    /**
     * {@code crop}: cuts the garment's box out of the image.
     *
     * @param margin added on each side, as a share of the box's width or height; what exceeds the image is left out
     */
    record Crop(double margin) implements Step {

        public Crop {
            require(margin >= 0 && margin <= 10, "margin must be 0 to 10");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            RgbImage image = region.image();
            Box box = box(region, "crop");
            int x = (int) Math.round(margin * box.width());
            int y = (int) Math.round(margin * box.height());
            Box cut =
                    new Box(box.x1() - x, box.y1() - y, box.x2() + x, box.y2() + y).clip(image.width(), image.height());
            return region.withBox(Optional.empty()).window(cut.x1(), cut.y1(), cut.width(), cut.height(), Fill.BLACK);
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return Optional.empty();
        }
    }

    /**
     * {@code jitter-box}: moves and scales the garment's box, so that a later {@code crop} is a little off. Draws the
     * horizontal and the vertical shift, then the factors of width and height. The box is kept on the image.
     *
     * @param shift how far the center may move either way, as a share of the box's width or height
     * @param scale what width and height are multiplied by, each drawn log-uniformly
     */
    record JitterBox(double shift, Range scale) implements Step {

        public JitterBox {
            require(shift >= 0 && shift <= 1, "shift must be 0 to 1");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            Box box = box(region, "jitter-box");
            double centerX = box.x1() + box.width() / 2.0 + box.width() * shift * (2 * random.nextDouble() - 1);
            double centerY = box.y1() + box.height() / 2.0 + box.height() * shift * (2 * random.nextDouble() - 1);
            double width = box.width() * scale.drawLog(random);
            double height = box.height() * scale.drawLog(random);
            int imageWidth = region.image().width();
            int imageHeight = region.image().height();
            int x1 = between(0, Math.rint(centerX - width / 2), imageWidth - 1);
            int y1 = between(0, Math.rint(centerY - height / 2), imageHeight - 1);
            return region.withBox(Optional.of(new Box(
                    x1,
                    y1,
                    between(x1, Math.rint(centerX + width / 2) - 1, imageWidth - 1),
                    between(y1, Math.rint(centerY + height / 2) - 1, imageHeight - 1))));
        }

        private static int between(int min, double value, int max) {
            return (int) Math.max(min, Math.min(max, value));
        }

        @Override
        public boolean random() {
            return true;
        }
    }

    /**
     * {@code mask}: gives every pixel outside the garment's mask one color.
     *
     * @param fill that color
     */
    record MaskOut(Fill fill) implements Step {

        @Override
        public Region apply(Region region, RandomGenerator random) {
            RgbImage kept = Pixels.keep(
                    region.image(),
                    region.mask()
                            .orElseThrow(
                                    () -> new DataException("the step mask needs a garment mask, and this image has"
                                            + " none; compute masks first or take the step out of the preparation")),
                    fill);
            return new Region(kept, region.box(), Optional.empty());
        }
    }

    /**
     * {@code target-pad}: pads the short side until the long one is at most {@code ratio} times as long, as CLIP4Cir's
     * {@code TargetPad} does, with its rounding (an image may keep a pixel or two more than the ratio).
     *
     * @param ratio long side over short side
     * @param fill color of the padding; CLIP4Cir's is black
     */
    record TargetPad(double ratio, Fill fill) implements Step {

        public TargetPad {
            require(ratio >= 1 && ratio <= 100, "ratio must be 1 to 100");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int width = region.image().width();
            int height = region.image().height();
            int x = padding(width, Math.max(width, height));
            int y = padding(height, Math.max(width, height));
            requireFew("target-pad", MAX_PADDED, region, width + 2L * x, height + 2L * y);
            return x == 0 && y == 0 ? region : region.window(-x, -y, width + 2 * x, height + 2 * y, fill);
        }

        private int padding(int side, int longSide) {
            return Math.max(0, (int) ((longSide / ratio - side) / 2));
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return before.map(size -> {
                int longSide = Math.max(size.width(), size.height());
                return new Dimensions(
                        size.width() + 2 * padding(size.width(), longSide),
                        size.height() + 2 * padding(size.height(), longSide));
            });
        }
    }

    /**
     * {@code pad-square}: pads the short side to the length of the long one, the image in the middle.
     *
     * @param fill color of the padding
     */
    record PadSquare(Fill fill) implements Step {

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int width = region.image().width();
            int height = region.image().height();
            int side = Math.max(width, height);
            requireFew("pad-square", MAX_PADDED, region, side, side);
            return width == height ? region : region.window((width - side) / 2, (height - side) / 2, side, side, fill);
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return before.map(size -> Math.max(size.width(), size.height())).map(side -> new Dimensions(side, side));
        }
    }

    /**
     * {@code resize}: brings the short side to a length and keeps the shape, as torchvision's {@code Resize(size)} on a
     * Pillow image. The long side is rounded down.
     *
     * @param size length of the short side in pixels
     */
    record Resize(int size, Interpolation interpolation) implements Step {

        private static final long MAX_PIXELS = 1 << 26;

        public Resize {
            require(size >= 1 && size <= 8192, "size must be 1 to 8192");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int width = region.image().width();
            int height = region.image().height();
            Dimensions to = resized(width, height);
            requireFew("resize(" + size + ")", MAX_PIXELS, region, to.width(), to.height());
            return region.resampled(0, 0, width, height, to.width(), to.height(), interpolation);
        }

        private Dimensions resized(int width, int height) {
            return width <= height
                    ? new Dimensions(size, (int) ((long) size * height / width))
                    : new Dimensions((int) ((long) size * width / height), size);
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return before.map(dimensions -> resized(dimensions.width(), dimensions.height()));
        }
    }

    /**
     * {@code fit}: brings the long side to a length and keeps the shape, as OpenCLIP's {@code ResizeKeepRatio(longest=1)}.
     * The short side is rounded to the nearest pixel.
     *
     * @param size length of the long side in pixels
     */
    record Fit(int size, Interpolation interpolation) implements Step {

        public Fit {
            require(size >= 1 && size <= 8192, "size must be 1 to 8192");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int width = region.image().width();
            int height = region.image().height();
            Dimensions to = fitted(width, height);
            return region.resampled(0, 0, width, height, to.width(), to.height(), interpolation);
        }

        private Dimensions fitted(int width, int height) {
            double ratio = Math.max(width, height) / (double) size;
            return new Dimensions(
                    Math.max(1, (int) Math.rint(width / ratio)), Math.max(1, (int) Math.rint(height / ratio)));
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return before.map(dimensions -> fitted(dimensions.width(), dimensions.height()));
        }
    }

    /**
     * {@code squash}: resizes to exactly a size, whatever that does to the shape.
     *
     * @param size the image's size afterwards
     */
    record Squash(Dimensions size, Interpolation interpolation) implements Step {

        @Override
        public Region apply(Region region, RandomGenerator random) {
            RgbImage image = region.image();
            return region.resampled(0, 0, image.width(), image.height(), size.width(), size.height(), interpolation);
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return Optional.of(size);
        }
    }

    /**
     * {@code center-crop}: cuts the middle out, as torchvision's {@code CenterCrop} with its rounding, or with
     * transformers'; an image too small is padded with black.
     *
     * @param size the image's size afterwards
     */
    record CenterCrop(Dimensions size, Rounding rounding) implements Step {

        @Override
        public Region apply(Region region, RandomGenerator random) {
            return region.window(
                    rounding.start(region.image().width(), size.width()),
                    rounding.start(region.image().height(), size.height()),
                    size.width(),
                    size.height(),
                    Fill.BLACK);
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return Optional.of(size);
        }
    }

    /**
     * {@code random-crop}: cuts a window out at a place drawn uniformly, first the column, then the row; an image too
     * small is padded with black, equally on both sides.
     *
     * @param size the image's size afterwards
     */
    record RandomCrop(Dimensions size) implements Step {

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int left = start(region.image().width(), size.width(), random);
            int top = start(region.image().height(), size.height(), random);
            return region.window(left, top, size.width(), size.height(), Fill.BLACK);
        }

        private static int start(int from, int to, RandomGenerator random) {
            return from < to ? (from - to) / 2 : random.nextInt(from - to + 1);
        }

        @Override
        public boolean random() {
            return true;
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return Optional.of(size);
        }
    }

    /**
     * {@code random-resized-crop}: cuts out a window of random area and shape and resizes it, as torchvision's
     * {@code RandomResizedCrop} with bicubic interpolation. Up to ten times an area and a shape are drawn; the first
     * window that fits gets a row and a column drawn. If none fits, the largest central window of an allowed shape is
     * taken.
     *
     * @param size the image's size afterwards
     * @param scale the window's area as a share of the image's
     * @param ratio the window's width over its height, drawn log-uniformly
     */
    record RandomResizedCrop(Dimensions size, Range scale, Range ratio) implements Step {

        private static final int TRIES = 10;

        public RandomResizedCrop {
            require(scale.max() <= 1, "scale must not exceed 1");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            int width = region.image().width();
            int height = region.image().height();
            for (int i = 0; i < TRIES; i++) {
                double area = (double) width * height * scale.draw(random);
                double shape = ratio.drawLog(random);
                int windowWidth = (int) Math.rint(Math.sqrt(area * shape));
                int windowHeight = (int) Math.rint(Math.sqrt(area / shape));
                if (windowWidth > 0 && windowWidth <= width && windowHeight > 0 && windowHeight <= height) {
                    int top = random.nextInt(height - windowHeight + 1);
                    int left = random.nextInt(width - windowWidth + 1);
                    return resampled(region, left, top, windowWidth, windowHeight);
                }
            }
            double shape = (double) width / height;
            int windowWidth = shape > ratio.max() ? (int) Math.rint(height * ratio.max()) : width;
            int windowHeight = shape < ratio.min() ? (int) Math.rint(width / ratio.min()) : height;
            return resampled(region, (width - windowWidth) / 2, (height - windowHeight) / 2, windowWidth, windowHeight);
        }

        private Region resampled(Region region, int left, int top, int windowWidth, int windowHeight) {
            return region.resampled(
                    left, top, windowWidth, windowHeight, size.width(), size.height(), Interpolation.BICUBIC);
        }

        @Override
        public boolean random() {
            return true;
        }

        @Override
        public Optional<Dimensions> sizeAfter(Optional<Dimensions> before) {
            return Optional.of(size);
        }
    }

    /**
     * {@code flip}: mirrors left and right.
     *
     * @param probability of doing so; 1 is not random
     */
    record Flip(double probability) implements Step {

        public Flip {
            require(probability > 0 && probability <= 1, "probability must be above 0 and at most 1");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            return probability == 1 || random.nextDouble() < probability ? region.mirrored() : region;
        }

        @Override
        public boolean random() {
            return probability < 1;
        }
    }

    /**
     * {@code color-jitter}: changes brightness, contrast and saturation, in random order, each by a factor drawn from
     * {@code max(0, 1 - x)} to {@code 1 + x}, as torchvision's {@code ColorJitter} on a Pillow image. Draws the order
     * first. An {@code x} of 0 leaves its property alone.
     *
     * @param brightness x of the brightness
     * @param contrast x of the contrast
     * @param saturation x of the saturation
     */
    record ColorJitter(double brightness, double contrast, double saturation) implements Step {

        public ColorJitter {
            for (double x : new double[] {brightness, contrast, saturation}) {
                require(x >= 0 && x <= 10, "brightness, contrast and saturation must be 0 to 10");
            }
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            RgbImage image = region.image();
            byte[] rgb = image.rgb().clone();
            int first = random.nextInt(3);
            int second = (first + 1 + random.nextInt(2)) % 3;
            change(first, rgb, random);
            change(second, rgb, random);
            change(3 - first - second, rgb, random);
            return region.withImage(new RgbImage(image.width(), image.height(), rgb));
        }

        private void change(int property, byte[] rgb, RandomGenerator random) {
            double x = switch (property) {
                case 0 -> brightness;
                case 1 -> contrast;
                default -> saturation;
            };
            if (x == 0) {
                return;
            }
            double min = Math.max(0, 1 - x);
            float factor = (float) (min + (1 + x - min) * random.nextDouble());
            switch (property) {
                case 0 -> Pixels.brightness(rgb, factor);
                case 1 -> Pixels.contrast(rgb, factor);
                default -> Pixels.saturation(rgb, factor);
            }
        }

        @Override
        public boolean random() {
            return true;
        }
    }

    /**
     * {@code random-erasing}: paints over a rectangle of random area and shape, as torchvision's {@code RandomErasing}.
     * Draws whether at all, then up to ten times an area and a shape; the first rectangle smaller than the image gets a
     * row and a column drawn.
     *
     * @param probability of doing so
     * @param scale the rectangle's area as a share of the image's
     * @param ratio the rectangle's height over its width, drawn log-uniformly
     * @param fill what it is painted with
     */
    record RandomErasing(double probability, Range scale, Range ratio, Fill fill) implements Step {

        private static final int TRIES = 10;

        public RandomErasing {
            require(probability > 0 && probability <= 1, "probability must be above 0 and at most 1");
            require(scale.max() <= 1, "scale must not exceed 1");
        }

        @Override
        public Region apply(Region region, RandomGenerator random) {
            if (random.nextDouble() >= probability) {
                return region;
            }
            int width = region.image().width();
            int height = region.image().height();
            for (int i = 0; i < TRIES; i++) {
                double area = (double) width * height * scale.draw(random);
                double shape = ratio.drawLog(random);
                int erasedHeight = (int) Math.rint(Math.sqrt(area * shape));
                int erasedWidth = (int) Math.rint(Math.sqrt(area / shape));
                if (erasedHeight < height && erasedWidth < width) {
                    int top = random.nextInt(height - erasedHeight + 1);
                    int left = random.nextInt(width - erasedWidth + 1);
                    return region.withImage(Pixels.erase(region.image(), left, top, erasedWidth, erasedHeight, fill));
                }
            }
            return region;
        }

        @Override
        public boolean random() {
            return true;
        }
    }

    /** The region's box, cut to the image. */
    private static Box box(Region region, String step) {
        Box box = region.box()
                .orElseThrow(() -> new DataException("the step " + step
                        + " needs a garment box, and this image has none;" + " take the step out of the preparation"));
        Box clipped = box.clip(region.image().width(), region.image().height());
        if (clipped.width() < 1 || clipped.height() < 1) {
            throw new DataException("the garment box " + box.x1() + " " + box.y1() + " " + box.x2() + " " + box.y2()
                    + " is empty or not on its image of " + region.image().width() + "x"
                    + region.image().height() + "; correct the box or take the image out of the list");
        }
        return clipped;
    }

    /** Of a thin strip of an image a step may make gigabytes. */
    private static void requireFew(String step, long most, Region region, long width, long height) {
        if (width * height > most) {
            throw new DataException(step + " would make a strip of "
                    + region.image().width() + "x" + region.image().height() + " pixels into one of " + width + "x"
                    + height + "; take the image out of the list, or cut it first");
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
