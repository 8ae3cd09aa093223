package org.rafclip.run;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Keys of a section, or values of one, that its owner refuses, so that no reference lists them there. The owner's constructor
 * says why when one is given.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Without {

    /** The keys, as the section has them; {@code key=value} for a value. */
    String[] value();
}
