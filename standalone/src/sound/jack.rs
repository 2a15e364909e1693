//! JACK, and PipeWire where it stands in for it: between other programs, with ports that anybody can connect.

use jack::{
    AsyncClient, AudioIn, AudioOut, Client, ClientOptions, ClientStatus, Control, Frames,
    NotificationHandler, Port, PortFlags, ProcessHandler, ProcessScope,
};

use super::{Choice, Devices, InUse, Link, Lost, Open, System};

const NAME: &str = "JACK";
/// What others see.
const CLIENT: &str = "Unweave";
const INPUTS: [&str; 2] = ["in_1", "in_2"];
const OUTPUTS: [&str; 2] = ["out_1", "out_2"];
const AUDIO: &str = "32 bit float mono audio";

pub struct Jack;

impl System for Jack {
    fn name(&self) -> &str {
        NAME
    }

    fn devices(&self) -> Devices {
        let Ok(client) = client(ClientOptions::NO_START_SERVER) else {
            return Devices {
                system: NAME.to_owned(),
                ..Devices::default()
            };
        };
        Devices {
            system: NAME.to_owned(),
            outputs: others(&client, PortFlags::IS_INPUT),
            inputs: others(&client, PortFlags::IS_OUTPUT),
        }
    }

    fn open(&self, choice: &Choice, link: &Link) -> Result<Open, String> {
        let client = client(ClientOptions::NO_START_SERVER)?;
        let refused = |error: jack::Error| format!("JACK gives no ports: {error}");
        let inputs = [
            client.register_port(INPUTS[0], AudioIn::default()),
            client.register_port(INPUTS[1], AudioIn::default()),
        ];
        let outputs = [
            client.register_port(OUTPUTS[0], AudioOut::default()),
            client.register_port(OUTPUTS[1], AudioOut::default()),
        ];
        let ([left_in, right_in], [left_out, right_out]) = (inputs, outputs);
        let ports = Ports {
            link: link.clone(),
            inputs: [left_in.map_err(refused)?, right_in.map_err(refused)?],
            outputs: [left_out.map_err(refused)?, right_out.map_err(refused)?],
        };
        let (sample_rate, block_frames) = (client.sample_rate(), client.buffer_size());
        link.prepare(sample_rate, block_frames);
        let watch = Watch {
            lost: link.when_lost(),
        };
        let client = client
            .activate_async(watch, ports)
            .map_err(|error| format!("JACK doesn't play: {error}"))?;
        let output = connect_outputs(client.as_client(), choice.output.as_deref())?;
        if let Some(input) = &choice.input {
            connect_inputs(client.as_client(), input)?;
        }
        Ok(Open {
            stream: Box::new(Playing { _client: client }),
            in_use: InUse {
                system: NAME.to_owned(),
                output,
                input: choice.input.clone(),
                sample_rate,
                block_frames,
                // JACK says, for all programs.
                rates: Vec::new(),
                blocks: Vec::new(),
            },
        })
    }
}

struct Playing {
    _client: AsyncClient<Watch, Ports>,
}

/// What runs on JACK's thread.
struct Ports {
    link: Link,
    inputs: [Port<AudioIn>; 2],
    outputs: [Port<AudioOut>; 2],
}

impl ProcessHandler for Ports {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let [left, right] = &mut self.outputs;
        let (left, right) = (left.as_mut_slice(scope), right.as_mut_slice(scope));
        left.copy_from_slice(self.inputs[0].as_slice(scope));
        right.copy_from_slice(self.inputs[1].as_slice(scope));
        self.link.process([left, right]);
        Control::Continue
    }
}

/// Hears of the server's end.
struct Watch {
    lost: Lost,
}

impl NotificationHandler for Watch {
    #[expect(
        unsafe_code,
        reason = "a signal's handler, as far as the library knows"
    )]
    // Two atomics are all that happens here, and neither waits.
    unsafe fn shutdown(&mut self, _: ClientStatus, _: &str) {
        self.lost.report("the JACK server has ended");
    }

    fn sample_rate(&mut self, client: &Client, rate: Frames) -> Control {
        if rate != client.sample_rate() {
            self.lost
                .report("the JACK server runs at another sample rate");
        }
        Control::Continue
    }
}

fn client(options: ClientOptions) -> Result<Client, String> {
    // All but making a client panics without it.
    if jack::jack_sys::library().is_err() {
        return Err("JACK isn't installed".to_owned());
    }
    // Where there is no server, its library would say so on the terminal, each time.
    jack::set_logger(jack::LoggerType::None);
    match Client::new(CLIENT, options) {
        Ok((client, _)) => Ok(client),
        Err(_) => Err("No JACK server runs".to_owned()),
    }
}

/// Programs and devices that have audio ports of this kind, each once, but for Unweave itself.
fn others(client: &Client, flags: PortFlags) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for port in client.ports(None, Some(AUDIO), flags) {
        let name = owner(&port);
        // JACK numbers those of one name.
        let is_own = name == CLIENT || name.starts_with(&format!("{CLIENT}-"));
        if !is_own && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn owner(port: &str) -> &str {
    port.split_once(':').map_or(port, |(owner, _)| owner)
}

/// The first two, which are left and right.
fn ports_of(client: &Client, name: &str, flags: PortFlags) -> Vec<String> {
    let ports = client.ports(None, Some(AUDIO), flags).into_iter();
    ports.filter(|port| owner(port) == name).take(2).collect()
}

/// To both ears; a device with one port gets both. Gives whose ports they are.
fn connect_outputs(client: &Client, name: Option<&str>) -> Result<String, String> {
    let ports = match name {
        Some(name) => ports_of(client, name, PortFlags::IS_INPUT),
        None => {
            let card = PortFlags::IS_INPUT | PortFlags::IS_PHYSICAL;
            let ports = client.ports(None, Some(AUDIO), card);
            ports.into_iter().take(2).collect()
        }
    };
    let Some(last) = ports.last() else {
        return match name {
            Some(name) => Err(format!("“{name}” has no ports in JACK to play on")),
            // A server without a sound card is no trouble: others connect.
            None => Ok("whoever connects".to_owned()),
        };
    };
    for (idx, own) in OUTPUTS.iter().enumerate() {
        let port = ports.get(idx).unwrap_or(last);
        connect(client, &own_port(client, own), port)?;
    }
    Ok(owner(last).to_owned())
}

fn connect_inputs(client: &Client, name: &str) -> Result<(), String> {
    let ports = ports_of(client, name, PortFlags::IS_OUTPUT);
    let last = ports
        .last()
        .ok_or_else(|| format!("“{name}” has no ports in JACK to take sound from"))?;
    for (idx, own) in INPUTS.iter().enumerate() {
        connect(
            client,
            ports.get(idx).unwrap_or(last),
            &own_port(client, own),
        )?;
    }
    Ok(())
}

fn own_port(client: &Client, name: &str) -> String {
    format!("{}:{name}", client.name())
}

fn connect(client: &Client, from: &str, to: &str) -> Result<(), String> {
    match client.connect_ports_by_name(from, to) {
        Ok(()) | Err(jack::Error::PortAlreadyConnected(..)) => Ok(()),
        Err(error) => Err(format!("JACK doesn't connect {from} with {to}: {error}")),
    }
}
