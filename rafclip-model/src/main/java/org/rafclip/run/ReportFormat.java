package org.rafclip.run;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The form in which a record stands in a {@link JsonReport}'s file. The file begins with it, and a file of another form is
 * not taken for one of this.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface ReportFormat {

    /** What the file reports, in a word. */
    String kind();

    /** Grows whenever the record's components change their name or meaning. */
    int version();
}
