/** Photos embedded by Spark: {@link org.rafclip.cluster.spark.SparkCluster}. */
package org.rafclip.cluster.spark;
