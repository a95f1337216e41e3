# agentstate: completion for fish, 3.0 or newer. Put this file into
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
