/* Completion for bash, made of the same descriptors as everything else: nouns, verbs, options, words of enums. */
#include <string.h>

#include "client/cli/cli.h"
#include "report.pb-c.h"

static void put_option(const ProtobufCFieldDescriptor *field)
{
    char option[SERVICE_NAME_TEXT_MAX];
    field_option_name(field, option);
    if (strcmp(field->name, "known_at_time_us") != 0) /* --known-at takes position and time */
        (void)printf(" --%s", option);
}

static void put_options(const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field_from_server(type, field))
            continue;
        put_option(field);
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        const ProtobufCMessageDescriptor *inner = field->descriptor;
        for (unsigned k = 0; k < inner->n_fields; k++) {
            bool line = field->label == PROTOBUF_C_LABEL_REPEATED;
            bool by_amount = line && strcmp(field->name, "lines") == 0 &&
                             field_by_name(inner, slice_text("account"), false) != NULL &&
                             field_form(&inner->fields[k]) == FORM_AMOUNT;
            if ((!line || by_amount) && !field_from_server(inner, &inner->fields[k]))
                put_option(&inner->fields[k]);
        }
    }
}

static void put_services(void)
{
    char name[SERVICE_NAME_TEXT_MAX];
    for (size_t i = 0; i < services_count; i++) {
        name_kebab(services[i]->short_name, name);
        if (strcmp(name, "login") != 0)
            (void)printf(" %s", name);
    }
}

static void put_nouns(void)
{
    (void)fputs("log-in log-out who-am-i load import outbox check-books ping completion help", stdout);
    put_services();
}

/* Words that stand alone: log-in and its like, and reports by their names. */
static void put_alone(void)
{
    (void)puts("    \"report \") words=\"" REPORT_NAMES " --list\" ;;");
    (void)fputs("    \"report \"*) words=\"$common", stdout);
    const ProtobufCMessageDescriptor *run = &daftari__v1__run_report__descriptor;
    for (unsigned i = 0; i < run->n_fields; i++) {
        if (strcmp(run->fields[i].name, "report") != 0)
            put_option(&run->fields[i]);
    }
    (void)puts("\" ;;\n"
               "    \"log-in \"*) words=\"$common --email\" ;;");
}

static void put_cases(void)
{
    put_alone();
    for (size_t i = 0; i < services_count; i++) {
        const ProtobufCServiceDescriptor *service = services[i];
        if (strcmp(service->short_name, "Login") == 0 || strcmp(service->short_name, "Report") == 0)
            continue;
        char noun[SERVICE_NAME_TEXT_MAX], verb[SERVICE_NAME_TEXT_MAX];
        name_kebab(service->short_name, noun);
        (void)printf("    \"%s \") words=\"", noun);
        for (unsigned k = 0; k < service->n_methods; k++) {
            name_kebab(service->methods[k].name, verb);
            (void)printf("%s%s", k > 0 ? " " : "", verb);
        }
        (void)puts("\" ;;");
        for (unsigned k = 0; k < service->n_methods; k++) {
            name_kebab(service->methods[k].name, verb);
            (void)printf("    \"%s %s\") words=\"$common", noun, verb);
            put_options(service->methods[k].input);
            if (strcmp(noun, "period") == 0 && strstr(verb, "close") != NULL &&
                strcmp(verb, "close-year") != 0)
                (void)fputs(" --all-before", stdout);
            (void)puts("\" ;;");
        }
    }
}

/* The words before the present one that are no settings. Bash takes words apart at ':' and '=', which belong to the
 * value before them. */
static void put_plain_words(void)
{
    (void)fputs("  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "    word=${COMP_WORDS[i]}\n"
                "    case $word in :|=|::) skip=1; continue ;; esac\n"
                "    [ -z \"$skip\" ] || { skip=; continue; }\n"
                "    case $word in\n"
                "      --*=*) ;;\n"
                "      ",
                stdout);
    for (size_t i = 0, shown = 0; i < settings_count(); i++) {
        if (settings_takes_value(i))
            (void)printf("%s--%s", shown++ > 0 ? "|" : "", settings_name(i));
    }
    (void)puts(") skip=1 ;;\n"
               "      -*) ;;\n"
               "      *) plain+=(\"$word\") ;;\n"
               "    esac\n"
               "  done\n"
               "  [ -z \"$skip\" ] || return\n"
               "  case \"${plain[0]} ${plain[1]}\" in\n"
               "    \"outbox add\") plain=(\"${plain[@]:2}\"); kept=1 ;;\n"
               "    \"help \"*) plain=(\"${plain[@]:1}\") ;;\n"
               "  esac\n"
               "  noun=${plain[0]} verb=${plain[1]}");
}

int completion_run(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], "bash") != 0)
        return cli_usage("completion knows bash: source <(daftari completion bash)");
    (void)puts("# daftari completion for bash; use: source <(daftari completion bash)\n"
               "_daftari()\n{\n"
               "  local here=${COMP_WORDS[COMP_CWORD]} noun verb words common word skip= kept= i plain=()\n"
               "  case ${COMP_WORDS[COMP_CWORD-1]} in\n"
               "    --output) COMPREPLY=($(compgen -W \"table csv json\" -- \"$here\")); return ;;\n"
               "    --json|--ca|--certificate|--key|--password-file|load|journal) COMPREPLY=($(compgen -f -- "
               "\"$here\")); return ;;\n"
               "  esac");
    (void)fputs("  common=\"", stdout);
    for (size_t i = 0; i < settings_count(); i++)
        (void)printf("%s--%s", i > 0 ? " " : "", settings_name(i));
    (void)puts("\"");
    put_plain_words();
    (void)fputs("  if [ ${#plain[@]} -eq 0 ]; then\n"
                "    words=\"",
                stdout);
    put_nouns();
    (void)fputs("\"\n    [ -z \"$kept\" ] || words=\"", stdout);
    put_services();
    (void)puts("\"\n    case $here in -*) words=$common ;; esac\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$here\"))\n    return\n  fi\n"
               "  case \"$noun $verb\" in");
    put_cases();
    (void)puts("    \"import \") words=journal ;;\n"
               "    \"outbox \") words=\"add send list clear\" ;;\n"
               "    \"completion \") words=bash ;;\n"
               "    *) words=$common ;;\n"
               "  esac\n"
               "  COMPREPLY=($(compgen -W \"$words\" -- \"$here\"))\n}\n"
               "complete -o default -F _daftari daftari");
    return EXIT_DONE;
}
