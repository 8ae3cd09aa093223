package org.rafclip.node;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/**
 * A node of OpenSearch with the k-NN plugin, on this machine alone, until it is killed. For trying and for tests: there are no
 * users, no encryption and no security manager.
 *
 * <p>Arguments are settings, {@code NAME=VALUE}, such as {@code path.home=DIR http.port=9200}.
 */
public final class OpenSearchNode {

    private static final String KNN = "org.opensearch.knn.plugin.KNNPlugin";

    private OpenSearchNode() {}

    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder()
                .put("cluster.name", "rafclip")
                .put("network.host", "127.0.0.1")
                .put("transport.type", "netty4")
                .put("http.type", "netty4")
                // Its disk is everybody's: how full it is is not this node's to judge.
                .put("cluster.routing.allocation.disk.threshold_enabled", false);
        for (String setting : args) {
            int equals = setting.indexOf('=');
            String name = setting.substring(0, equals);
            String value = setting.substring(equals + 1);
            if (value.startsWith("[") && value.endsWith("]")) {
                String inner = value.substring(1, value.length() - 1);
                settings.putList(name, inner.isEmpty() ? List.of() : List.of(inner.split(",")));
            } else {
                settings.put(name, value);
            }
        }
        Settings all = settings.build();
        LogConfigurator.configureWithoutConfig(all);
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
                all, Map.of(), Path.of(all.get("path.home")).resolve("config"), () -> "node");
        // The plugin comes as a zip, which is unpacked to stand on the class path.
        List<Class<? extends Plugin>> plugins =
                List.of(Netty4Plugin.class, Class.forName(KNN).asSubclass(Plugin.class));
        Node node = new Started(environment, plugins);
        node.start();
        System.out.println("started");
        new CountDownLatch(1).await();
    }

    private static final class Started extends Node {

        Started(Environment environment, List<Class<? extends Plugin>> plugins) {
            super(environment, plugins, false);
        }
    }
}
