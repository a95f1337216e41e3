#compdef agentstate
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
