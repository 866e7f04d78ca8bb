/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: the context of a notification, and what serializers make of it and of the payload. */
#include "tests/contract/spy.h"

TestSuite (section10_context, .init = spy_open_world, .fini = spy_close_world);

Test (section10_context, a_plain_context_travels_as_an_empty_map)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    godwit_value_t *context = NULL, *list = NULL;
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), &error));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "context: expected a map",
           godwit_notify_info (notifier, list, "e", GODWIT_NIL (NULL), &error));
    cr_expect_eq (spy.count, 2u);
    godwit_value_unref (&context);
    godwit_value_unref (&list);
    godwit_notifier_destroy (&notifier);
}

Test (section10_context, context_keys_lets_keys_of_a_plain_context_travel)
{
    godwit_notifier_t *notifier = notifier_new (
        SPIED (.context_keys = (const char *const[]){"user", "project", "user"}, .context_key_count = 3));
    godwit_value_t *context = NULL, *other = NULL;
    MUST (godwit_value_new_map (
        &context,
        GODWIT_ARGS (GODWIT_STR ("token", "secret"), GODWIT_LIST ("user", GODWIT_STR (NULL, "ada"))),
        &error));
    MUST (godwit_value_new_map (&other, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{\"user\": [\"ada\"]}");
    MUST (godwit_notify_info (notifier, other, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    godwit_value_unref (&context);
    godwit_value_unref (&other);
    godwit_notifier_destroy (&notifier);
}

/* The program's context: its object has a user, and a secret, and can give a copy without the secret. */
typedef struct person {
    const char *user;
    const char *secret;
} person_t;

static person_t redacted_person = {.user = "ada"};

static godwit_status_t
redact_to_map (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) user;
    return godwit_value_new_map (redacted, GODWIT_ARGS (GODWIT_STR ("user", person->user)), error);
}

static godwit_status_t
redact_to_object (void *user, const godwit_value_t *context, godwit_value_t **redacted,
                  godwit_error_t **error)
{
    (void) user;
    (void) context;
    return godwit_value_new_object (redacted, &redacted_person, NULL, error);
}

static godwit_status_t
redact_nothing (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    (void) user;
    (void) error;
    *redacted = godwit_value_ref (context);
    return GODWIT_OK;
}

static godwit_status_t
redact_badly (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    (void) user;
    (void) context;
    (void) redacted;
    *error = godwit_error_new (GODWIT_ERR_NOT_FOUND, "no black ink");
    return GODWIT_ERR_NOT_FOUND;
}

/* A serializer, which makes a map of a person, and puts an entity into a list with the user of the context as
 * it was given. */
static godwit_status_t
person_to_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) self;
    if (!person) /* a plain context, without what must not travel */
        return godwit_value_new_map (
            out, GODWIT_ARGS (GODWIT_INT ("count", (int64_t) godwit_value_count (context))), error);
    return godwit_value_new_map (
        out,
        GODWIT_ARGS (GODWIT_STR ("user", person->user),
                     person->secret ? GODWIT_STR ("secret", person->secret) : GODWIT_NIL ("secret")),
        error);
}

static godwit_status_t
wrap_entity (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
             godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) self;
    return godwit_value_new (out,
                             GODWIT_LIST (NULL, person ? GODWIT_STR (NULL, person->user) : GODWIT_NIL (NULL),
                                          GODWIT_VALUE (NULL, entity)),
                             error);
}

static const godwit_serializer_t serializer = {
    .struct_size = sizeof serializer, .serialize_entity = wrap_entity, .serialize_context = person_to_map};

static godwit_value_t *
new_person (void)
{
    static person_t person = {"ada lovelace", "token"};
    godwit_value_t *context = NULL;
    MUST (godwit_value_new_object (&context, &person, NULL, &error));
    return context;
}

Test (section10_context, an_object_gives_the_redacted_copy_that_travels)
{
    godwit_value_t *context = new_person ();
    godwit_notifier_t *notifier = notifier_new (SPIED (.redact_context = redact_to_map));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada lovelace\"}");
    godwit_notifier_destroy (&notifier);

    notifier = notifier_new (SPIED (.redact_context = redact_to_object, .serializer = &serializer));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada\", \"secret\": null}");
    cr_expect_str_eq (spy.payload, "[\"ada lovelace\", 1]",
                      "entities are converted beside the context as given");
    godwit_notifier_destroy (&notifier);

    notifier = notifier_new (SPIED (.redact_context = redact_badly));
    FAILS (GODWIT_ERR_NOT_FOUND, "no black ink",
           godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 2u);
    godwit_value_unref (&context);
}

Test (section10_context, an_object_that_nobody_redacts_does_not_travel)
{
    godwit_value_t *context = new_person ();
    const godwit_notifier_options_t *const options[] = {SPIED (.publisher_id = "p"),
                                                        SPIED (.serializer = &serializer)};
    static const char *const sent[] = {"{}", "{\"count\": 0}"};
    for (size_t i = 0; i < 2; i++) {
        godwit_notifier_t *notifier = notifier_new (options[i]);
        MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
        cr_expect_str_eq (spy.context, sent[i]);
        godwit_notifier_destroy (&notifier);
    }
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "the option redact_context"), 1u,
                  "once a minute");
    godwit_value_unref (&context);
}

Test (section10_context, an_object_that_nothing_converts_is_refused)
{
    godwit_value_t *context = new_person ();
    godwit_notifier_t *notifier = notifier_new (SPIED (.redact_context = redact_to_object));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got object",
           godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "payload: expected a value that can be sent",
           godwit_notify_info (notifier, NULL, "e", GODWIT_VALUE (NULL, context), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 0u);
    godwit_value_unref (&context);
}

Test (section10_context, the_serializer_makes_what_is_sent)
{
    godwit_value_t *context = new_person (), *plain = NULL;
    MUST (godwit_value_new_map (&plain, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    godwit_notifier_t *notifier =
        notifier_new (SPIED (.serializer = &serializer, .redact_context = redact_nothing));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 7), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada lovelace\", \"secret\": \"token\"}");
    cr_expect_str_eq (spy.payload, "[\"ada lovelace\", 7]");
    MUST (godwit_notify_info (notifier, plain, "e", GODWIT_VALUE (NULL, NULL), &error));
    cr_expect_str_eq (spy.context, "{\"count\": 0}", "a plain map is none before the serializer gets it");
    cr_expect_str_eq (spy.payload, "[null, null]");
    godwit_notifier_destroy (&notifier);
    godwit_value_unref (&context);
    godwit_value_unref (&plain);
}

static godwit_status_t
to_list (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    (void) self;
    (void) context;
    return godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), error);
}

static godwit_status_t
break_entity (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
              godwit_error_t **error)
{
    (void) self;
    (void) context;
    (void) entity;
    (void) out;
    (void) error;
    return GODWIT_ERR_FAILED;
}

Test (section10_context, what_a_serializer_gets_wrong_is_an_error)
{
    static const godwit_serializer_t wrong = {.struct_size = sizeof wrong, .serialize_context = to_list};
    static const godwit_serializer_t broken = {.struct_size = sizeof broken,
                                               .serialize_entity = break_entity};
    godwit_notifier_t *notifier = notifier_new (SPIED (.serializer = &wrong));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got list",
           godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    notifier = notifier_new (SPIED (.serializer = &broken));
    FAILS (GODWIT_ERR_FAILED, "serialize_entity failed",
           godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 0u);
}
