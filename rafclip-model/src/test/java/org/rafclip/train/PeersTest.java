package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Provenance;

/** Peers over the loopback, each in a thread. */
class PeersTest {

    @TempDir
    static Path dir;

    @BeforeAll
    static void draw() throws Exception {
        JavaOps.install();
        TinyRun.drawPhotos(dir);
    }

    /** What one of the peers does. */
    private interface Member<T> {
        T with(SocketPeers peers) throws Exception;
    }

    private static <T> List<T> together(int size, Member<T> member) throws Exception {
        String[] words = new String[size];
        CyclicBarrier all = new CyclicBarrier(size);
        ExecutorService threads = Executors.newFixedThreadPool(size);
        try {
            List<Future<T>> members = new ArrayList<>();
            for (int r = 0; r < size; r++) {
                int rank = r;
                Function<String, String[]> gather = word -> {
                    words[rank] = word;
                    try {
                        all.await();
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                    return words;
                };
                Callable<T> work = () -> {
                    try (SocketPeers peers =
                            SocketPeers.connect(rank, size, InetAddress.getLoopbackAddress(), gather)) {
                        return member.with(peers);
                    }
                };
                members.add(threads.submit(work));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> one : members) {
                results.add(one.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void rowsStandInTheOrderOfRanksAlsoWhereSomeHaveNone() throws Exception {
        List<INDArray> gathered = together(
                3,
                peers -> peers.gather(
                        peers.rank() == 1
                                ? null
                                : Nd4j.create(new float[][] {{peers.rank(), 1}, {peers.rank(), 2}})
                                        .castTo(DataType.FLOAT),
                        4));
        for (INDArray all : gathered) {
            assertThat(all.toFloatMatrix()).isDeepEqualTo(new float[][] {{0, 1}, {0, 2}, {2, 1}, {2, 2}});
        }
    }

    /** 2^24 + 1 is no float: (2^24 + 1) − 2^24 is 0 and (2^24 − 2^24) + 1 is 1, so that the order of a sum shows. */
    @Test
    void sumsAreTakenInTheOrderOfRanks() throws Exception {
        float large = 1 << 24;
        float[] parts = {large, 1, -large};
        List<List<float[]>> summed = together(3, peers -> {
            INDArray one = Nd4j.valueArrayOf(new long[] {2, 5}, parts[peers.rank()], DataType.FLOAT);
            INDArray other = Nd4j.valueArrayOf(new long[] {1}, peers.rank(), DataType.FLOAT);
            peers.sum(List.of(one, other));
            return List.of(one.data().asFloat(), other.data().asFloat());
        });
        for (List<float[]> sums : summed) {
            assertThat(sums.get(0)).containsOnly(0);
            assertThat(sums.get(1)).containsOnly(3);
        }
    }

    @Test
    void theFirstOnesWordIsEverybodys() throws Exception {
        assertThat(together(3, peers -> peers.word("of " + peers.rank()))).containsOnly("of 0");
    }

    private static TrainingLoop.Outcome lead(
            RafClipConfig config, boolean resume, TrainingListener listener, Peers peers) throws Exception {
        PhotoSplits photos = new PhotoSplits();
        Provenance provenance = Provenance.capture(
                config,
                config.seed(),
                PhotoData.fingerprint(photos.split(config.data(), config.data().split())),
                Map.of(),
                2,
                List.of(),
                Clock.systemUTC());
        return new RafClipTrainer(config, photos, listener, peers).train(resume, provenance);
    }

    private static Object train(RafClipConfig config, boolean resume, TrainingListener listener, Peers peers)
            throws Exception {
        if (peers.rank() == 0) {
            return lead(config, resume, listener, peers);
        }
        new RafClipTrainer(config, new PhotoSplits(), new TinyRun.Listener(), peers).follow();
        return "followed";
    }

    private static void assertSameWeights(RafClipConfig one, RafClipConfig other) throws Exception {
        Map<String, INDArray> expected = TinyRun.lastTensors(one);
        Map<String, INDArray> found = TinyRun.lastTensors(other);
        assertThat(found).containsOnlyKeys(expected.keySet());
        for (Map.Entry<String, INDArray> tensor : expected.entrySet()) {
            assertThat(tensor.getValue()
                            .sub(found.get(tensor.getKey()))
                            .amaxNumber()
                            .doubleValue())
                    .as(tensor.getKey())
                    .isLessThanOrEqualTo(1e-6);
        }
    }

    /** 16 images of a batch are chunks of 6, 6 and 4: one for the first process, two for the second. */
    @Test
    void twoTrainWhatOneDoesAlsoWhereOneIsLostInBetween() throws Exception {
        RafClipConfig one = TinyRun.config(dir, dir.resolve("one"), "train.epochs=5", "train.lr=1e-4");
        RafClipConfig two = TinyRun.config(dir, dir.resolve("two"), "train.epochs=5", "train.lr=1e-4");
        RafClipConfig lost = TinyRun.config(dir, dir.resolve("lost"), "train.epochs=5", "train.lr=1e-4");
        assertThat(TinyRun.train(one, false, new TinyRun.Listener()).steps()).isEqualTo(20);

        List<Object> outcomes = together(2, peers -> train(two, false, new TinyRun.Listener(), peers));
        assertThat(((TrainingLoop.Outcome) outcomes.get(0)).steps()).isEqualTo(20);
        assertSameWeights(one, two);

        AtomicReference<SocketPeers> follower = new AtomicReference<>();
        TinyRun.Listener killing = new TinyRun.Listener() {
            @Override
            public void step(Step step) {
                super.step(step);
                if (step.number() == 8) {
                    follower.get().close();
                }
            }
        };
        assertThatThrownBy(() -> together(2, peers -> {
                    if (peers.rank() == 1) {
                        follower.set(peers);
                    }
                    return train(lost, false, killing, peers);
                }))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(Peers.LostException.class)
                .hasMessageContaining("lost a worker");
        together(2, peers -> train(lost, true, new TinyRun.Listener(), peers));
        assertSameWeights(one, lost);
    }

    @Test
    void twoTrainTheAdaptersThatOneDoes() throws Exception {
        String[] lora = {"train.epochs=2", "train.lr=1e-3", "train.lora={rank: 4, dropout: 0.1}"};
        RafClipConfig one = TinyRun.config(dir, dir.resolve("one-adapted"), lora);
        RafClipConfig two = TinyRun.config(dir, dir.resolve("two-adapted"), lora);
        TinyRun.train(one, false, new TinyRun.Listener());

        together(2, peers -> train(two, false, new TinyRun.Listener(), peers));

        assertSameWeights(one, two);
    }

    @Test
    void moreProcessesThanSharesAreRefused() {
        RafClipConfig config = TinyRun.config(dir, dir.resolve("few"), "train.micro-batch=16");
        assertThatThrownBy(() -> together(2, peers -> train(config, false, new TinyRun.Listener(), peers)))
                .hasRootCauseInstanceOf(DataException.class)
                .rootCause()
                .hasMessage("a batch of 16 images makes 1 share by train.micro-batch 16, and there are 2 workers; say"
                        + " train.micro-batch=8 or fewer workers");
    }
}
