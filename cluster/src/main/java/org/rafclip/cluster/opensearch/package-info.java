/** An index in OpenSearch: {@link org.rafclip.cluster.opensearch.OpenSearchStore}. */
package org.rafclip.cluster.opensearch;
