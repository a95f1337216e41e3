# agentstate: completion for bash, 3.2 or newer. Source this file, or put it into
# ~/.local/share/bash-completion/completions/ as "agentstate".

_agentstate() {
    local line=${COMP_LINE-} reply
    line=${line:0:${COMP_POINT:-${#line}}}
    if [[ -z $line ]]; then
        # Called by another function, which has set the words alone.
        printf -v line '%q ' "${COMP_WORDS[@]:0:COMP_CWORD}"
        line+=${COMP_WORDS[COMP_CWORD]}
    fi
    COMPREPLY=()
    while IFS= read -r reply; do
        COMPREPLY+=("$reply")
    done < <(
        command agentstate __complete bash "${COMP_TYPE-}" \
            "${2-${COMP_WORDS[COMP_CWORD]}}" "$line" 2>/dev/null
    )
    # After a folder the path goes on. Older versions have no compopt, and add a space.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

# The order is kept, newest first, where bash can (4.4).
complete -o nosort -F _agentstate agentstate 2>/dev/null || complete -F _agentstate agentstate
