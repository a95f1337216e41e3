r"""The completion scripts; `completions/` holds them as files.

They are ours because Typer's pass what they offer through rich's markup and the shells' eval,
and a thread may be named `[/nope]` or `$(reboot)`. A script hands the command line to
`agentstate __complete`, which `agentstate.cli.completing` answers, and gives the lines that come
back to the shell. Data is only ever the value of a variable: never `eval`, nor `compgen -W`,
which expands its words. None of them needs a library of completion functions.
"""

from typing import Final

_BASH: Final = r"""# agentstate: completion for bash, 3.2 or newer. Source this file, or put it into
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
"""

_ZSH: Final = r"""#compdef agentstate
# agentstate: completion for zsh. Put this file into a folder of $fpath as "_agentstate", or
# source it after compinit.

_agentstate() {
    local -a offered
    offered=("${(@f)$(
        command agentstate __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null
    )}")
    case ${offered[1]} in
        words)
            shift offered
            # -V keeps the order, newest first.
            _describe -V -t values value offered
            ;;
        files\ <->)
            compset -p "${offered[1]#files }"
            _files
            ;;
        folders\ <->)
            compset -p "${offered[1]#folders }"
            _path_files -/
            ;;
        *)
            return 1
            ;;
    esac
}

if [[ ${funcstack[1]-} == _agentstate ]]; then
    _agentstate "$@"
elif (( ${+functions[compdef]} )); then
    compdef _agentstate agentstate
fi
"""

_FISH: Final = r"""# agentstate: completion for fish, 3.0 or newer. Put this file into
# ~/.config/fish/completions/ as "agentstate.fish".

function __agentstate_complete
    command -q agentstate; or return
    # From 4.0 on, fish gives the words with their variables expanded.
    set -l words (commandline -xpc 2>/dev/null; or commandline -opc)
    set -e words[1]
    set -l raw (commandline -ct)
    # The current word may have a quote that is still open.
    set -l word (
        string unescape -- "$raw"; or string unescape -- "$raw'"; or string unescape -- "$raw\""
    )
    set -l offered (command agentstate __complete fish $words "$word" 2>/dev/null)
    switch "$offered[1]"
        case words
            set -e offered[1]
            printf '%s\n' $offered
        case 'files *' 'folders *'
            set -l kind (string split ' ' -- $offered[1])
            set -l before (string sub -l $kind[2] -- "$raw")
            set -l typed (string sub -s (math $kind[2] + 1) -- "$raw")
            # Of a command that it does not know, fish completes the files.
            for path in (complete -C"__agentstate_no_command $typed")
                if test $kind[1] = files; or string match -q -r '^[^\t]*/(\t|$)' -- $path
                    echo -- $before$path
                end
            end
    end
end

# -k keeps the order, newest first.
complete -c agentstate -f -k -a '(__agentstate_complete)'
"""

_SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """Return the completion script of `bash`, `zsh` or `fish`."""
    return _SCRIPTS[shell]
