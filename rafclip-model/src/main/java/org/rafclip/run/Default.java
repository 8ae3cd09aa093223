package org.rafclip.run;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The value of a configuration record's component when the YAML file leaves its key out. A component without this
 * annotation is required, unless it is itself a record: an absent section is filled from its own components' defaults. On
 * a section a mapping such as {@code "{batch-size: 128}"} stands in the place of some of those defaults.
 *
 * <pre>{@code
 * record Train(@Default("64") int batchSize, @Default("5e-7") double lr, @Default("null") Path resumeFrom) {}
 * }</pre>
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Default {

    /** The value as YAML would write it; {@code "null"} makes the key optional. */
    String value();
}
