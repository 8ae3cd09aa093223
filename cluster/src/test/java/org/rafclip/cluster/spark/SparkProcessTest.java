package org.rafclip.cluster.spark;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.data.DataException;
import org.rafclip.run.Machines;

class SparkProcessTest {

    @ParameterizedTest
    @ValueSource(
            strings = {"local[0]", "local[-1]", "local[two]", "spark://127.0.0.1", "http://127.0.0.1:7077", "mesos"})
    void whatIsNoMasterIsRefused(String master) {
        assertThatThrownBy(() -> new SparkProcess(new Machines(master, 1, "1g")))
                .isInstanceOf(DataException.class)
                .hasMessage("--master " + master + ": is no master of Spark; write spark://HOST:7077, or local[N] for N"
                        + " threads of this machine");
    }

    @Test
    void aMasterThatIsNotThereIsNamed() throws IOException {
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        String master = "spark://127.0.0.1:" + port;
        assertThatThrownBy(() -> new SparkProcess(new Machines(master, 1, "1g")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("--master " + master + ": nobody answers there");
    }
}
